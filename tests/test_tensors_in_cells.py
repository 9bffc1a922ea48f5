"""Tensors in lists, arrays of objects and columns: one array at every door."""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from sklearn.decomposition import PCA
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline

from skdse import (
    DiffusionSpectralEntropy,
    DiffusionSpectralMI,
    ShannonEntropy,
    mutual_info_permutation_test,
)
from skdse._tools.cells import stacked
from skdse.model_selection import representation_scorer, select_representation
from skdse.plotting import LayerProfileDisplay, SpectrumDisplay
from skdse.probing import RepresentationTracker, layer_activations

torch = pytest.importorskip("torch")
# Its first optimizer adds to the warning filters, see test_tracker_of_nets.py.
torch.optim.SGD([torch.zeros(1)])

rng = np.random.default_rng(0)
Y = np.arange(60) % 3
# Halves of small whole numbers are the same in half precision.
X = (np.round(8 * rng.normal(size=(3, 4)))[Y] + np.round(rng.normal(size=(60, 4)))) / 2
X = X.astype(np.float32)


def objects(items):
    cells = np.empty(len(items), dtype=object)
    for i, one in enumerate(items):
        cells[i] = one
    return cells


def with_gradient(values):
    return torch.tensor(values, requires_grad=True) * 1


def half(values):
    return torch.tensor(values, dtype=torch.bfloat16)


def nested(made, values):
    """Lists of tensors of one number each."""
    return [[made(one) for one in row] if np.ndim(row) else made(row) for row in values]


def mixed(made, values):
    """Tensors of two kinds, and rows of NumPy."""
    found = [made(one) for one in values]
    return [values[0], torch.tensor(values[1], dtype=torch.float64), *found[2:]]


HOLDERS = {
    "list": lambda made, values: [made(one) for one in values],
    "objects": lambda made, values: objects([made(one) for one in values]),
    "column": lambda made, values: objects([made(one) for one in values])[:, None],
    "series": lambda made, values: pd.Series(objects([made(one) for one in values])),
    "frame": lambda made, values: pd.DataFrame(
        {"e": objects([made(one) for one in values])}
    ),
    "nested": nested,
    "mixed": mixed,
}
KINDS = {"float": torch.tensor, "half": half, "gradient": with_gradient}


@pytest.fixture(scope="module")
def mlp():
    model = MLPClassifier((5,), solver="lbfgs", max_iter=5, random_state=0)
    with pytest.warns(match="failed to converge"):
        return model.fit(X, Y)


def doors(mlp):
    """What is made of samples and labels, by name: numbers."""
    dse = DiffusionSpectralEntropy(random_state=0)
    dsmi = DiffusionSpectralMI(random_state=0)
    pca = make_pipeline(PCA(2, random_state=0)).fit(X)
    measures = ["dse", "dsmi", "dsmi_input"]

    def tracked(X, y):
        (record,) = RepresentationTracker(measures, 1, X, y)(mlp)
        return [record[one] for one in (*measures, "accuracy")]

    def selected(X, y):
        candidates = {"given": X, "made": PCA(2, random_state=0)}
        found = select_representation(
            candidates, X, y, n_permutations=9, random_state=0
        )
        return [*found.dsmi, *found.pvalue]

    def drawn(display):
        return display.frame().select_dtypes("number").to_numpy()

    return {
        "entropy": lambda X, y: [dse.fit(X).entropy_, dse.score(X)],
        "mutual information": lambda X, y: [
            dsmi.fit(X, y).mutual_info_,
            dsmi.score(X, y),
        ],
        "values": lambda X, y: (
            DiffusionSpectralMI(target="continuous", random_state=0)
            .fit(X, y)
            .mutual_info_
        ),
        "baseline": lambda X, y: ShannonEntropy().fit(X).entropy_,
        "test": lambda X, y: (
            mutual_info_permutation_test(X, y, n_permutations=9, random_state=0).pvalue
        ),
        "tracker": tracked,
        "activations": lambda X, y: layer_activations(mlp, X)["hidden_1"],
        "scorer": lambda X, y: representation_scorer("dsmi")(pca, X, y),
        "ranking": selected,
        "profile": lambda X, y: drawn(
            LayerProfileDisplay.from_activations({"Z": X}, X, y, random_state=0)
        ),
        "perceptron": lambda X, y: drawn(
            LayerProfileDisplay.from_estimator(mlp, X, y, random_state=0)
        ),
        "spectrum": lambda X, y: drawn(SpectrumDisplay.from_estimator(dse.fit(X))),
    }


DOORS = (
    *("entropy", "mutual information", "values", "baseline", "test", "tracker"),
    *("activations", "scorer", "ranking", "profile", "perceptron", "spectrum"),
)


def test_all_doors_are_known(mlp):
    assert tuple(doors(mlp)) == DOORS


def check(mlp, door, holder, kind):
    """Check that tensors in cells give the numbers of arrays."""
    measure = doors(mlp)[door]
    y = Y.astype(np.float32)
    held = (HOLDERS[holder](KINDS[kind], one) for one in (X, y))
    np.testing.assert_allclose(measure(*held), measure(X, y), rtol=1e-6, atol=1e-6)
    plt.close("all")


@pytest.mark.parametrize("holder", HOLDERS)
@pytest.mark.parametrize("kind", KINDS)
def test_tensors_in_cells_are_the_array_of_their_numbers(mlp, holder, kind):
    check(mlp, "mutual information", holder, kind)


@pytest.mark.parametrize("holder", ["list", "objects"])
@pytest.mark.parametrize("door", DOORS)
def test_tensors_in_cells_are_one_array_at_every_door(mlp, door, holder):
    check(mlp, door, holder, "gradient")


@pytest.mark.parametrize("name", ["X", "y"])
def test_tensors_of_several_kinds_are_refused_with_the_way_out(name, mlp):
    rows = [torch.tensor(one) for one in X]
    rows[5] = rows[5].to_sparse()
    message = f"{name} must hold tensors of one kind on one device; .* torch.stack"
    dsmi = DiffusionSpectralMI(target="continuous")
    for held in (rows, tuple(rows), objects(rows)):
        given = {"X": X, "y": Y} | {name: held}
        with pytest.raises(TypeError, match=message):
            dsmi.fit(**given)
        if name == "X" and isinstance(held, tuple):
            continue  # these are several inputs of a network
        with pytest.raises(TypeError, match=message):
            RepresentationTracker("dsmi", 1, given["X"], given["y"])(mlp)
    ragged = objects([torch.tensor(one) for one in (*X[:-1], X[-1, :3])])
    with pytest.raises(ValueError, match=f"the rows of {name} must have as many"):
        dsmi.fit(**{"X": X, "y": Y} | {name: ragged})


def test_what_holds_no_tensors_stays_as_it_is():
    for held in ([], X.tolist(), list(X), objects(list(X)), pd.Series(["a"]), X, None):
        assert stacked(held) is held
