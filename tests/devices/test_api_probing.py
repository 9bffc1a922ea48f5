"""Activations that stay on their device, and the measures of all layers there."""

from importlib.util import find_spec

import numpy as np
import pytest
from moves import Moves
from places import on_device
from sklearn.datasets import load_digits
from sklearn.neural_network import MLPClassifier, MLPRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer

from skdse import DiffusionSpectralEntropy, DiffusionSpectralMI
from skdse._tools.arrays import to_host
from skdse.model_selection import representation_scorer
from skdse.plotting import LayerProfileDisplay, MutualInfoDisplay, SpectrumDisplay
from skdse.probing import RepresentationTracker, layer_activations

if find_spec("torch") is not None:
    import torch

    # Its first optimizer adds to the warning filters, see test_tracker_of_nets.py.
    torch.optim.SGD([torch.zeros(1)])
ACTIVATIONS = ("identity", "logistic", "tanh", "relu")


@pytest.fixture(scope="module")
def data():
    """Digits and their labels."""
    X, y = load_digits(return_X_y=True)
    return X[:120] / 16, y[:120]


def trained(X, y, hidden=(12, 8), kind=MLPClassifier, **params):
    """Perceptron after a few steps."""
    mlp = kind(
        hidden_layer_sizes=hidden, solver="lbfgs", max_iter=5, random_state=0, **params
    )
    with pytest.warns(match="failed to converge"):
        return mlp.fit(X, y)


def without_settings(records):
    """Records without times and the hash of what they were measured of."""
    return [
        {key: one[key] for key in one if key not in ("seconds", "settings")}
        for one in records
    ]


def assert_same(found, expected):
    """Check that records have the same texts, and the same numbers but for rounding."""
    for one, other in zip(found, expected, strict=True):
        assert one.keys() == other.keys()
        for key, value in other.items():
            if isinstance(value, str):
                assert one[key] == value
            else:
                assert one[key] == pytest.approx(value, abs=1e-9, nan_ok=True), key


# Perceptrons of scikit-learn


@pytest.mark.parametrize(
    "rows_of", [lambda y: np.eye(10)[y], lambda y: y[:, None] > [2, 5]]
)
def test_accuracy_of_rows_of_labels_is_that_of_the_host(data, rows_of):
    X, rows = data[0], rows_of(data[1]).astype(float)
    mlp = trained(X, rows)
    expected = RepresentationTracker("dse", 1, X, rows)(mlp)[0]["accuracy"]
    tracker = RepresentationTracker("dse", 1, on_device(X), on_device(rows))
    assert tracker(mlp)[0]["accuracy"] == expected > 0.1


@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_perceptrons_run_where_the_samples_lie(activation, data):
    X, y = data
    mlp = trained(X, y, activation=activation)
    expected, found = (layer_activations(mlp, Z) for Z in (X, on_device(X)))
    assert found.keys() == expected.keys()
    for name, Z in found.items():
        assert isinstance(Z, type(on_device(X))) and Z.device == on_device(X).device
        np.testing.assert_allclose(to_host(Z), expected[name], atol=1e-12)


@pytest.mark.parametrize("kind", [MLPClassifier, MLPRegressor])
def test_the_tracker_of_a_perceptron(kind, data):
    X, y = data
    mlp = trained(X, y, kind=kind)
    expected = RepresentationTracker(X=X, y=y)(mlp)
    found = RepresentationTracker(X=on_device(X), y=on_device(y))(mlp)
    assert_same(without_settings(found), without_settings(expected))
    assert np.isfinite(found[0]["accuracy"]) == (kind is MLPClassifier)


def test_the_accuracy_of_two_classes_and_named_ones(data):
    X, y = data
    names = np.array(["even", "odd"])[y % 2]
    mlp = trained(X, names)
    tracker = RepresentationTracker("dse", X=on_device(X), y=names)
    assert tracker(mlp)[0]["accuracy"] == mlp.score(X, names)
    mlp = make_pipeline(FunctionTransformer(lambda X: X * 1), mlp)
    assert tracker(mlp, 1)[0]["accuracy"] == mlp.score(X, names)


def test_perceptrons_without_a_hidden_layer_and_other_features(data):
    X, y = data
    mlp = trained(X, y, hidden=())
    expected, found = (layer_activations(mlp, Z) for Z in (X, on_device(X)))
    np.testing.assert_allclose(to_host(found["output"]), expected["output"])
    with pytest.raises(ValueError, match="expecting 64 features"):
        layer_activations(trained(X, y), on_device(X[:, :5]))


def test_a_hidden_layer_is_scored_on_the_device(data):
    X, y = data
    mlp, scorer = trained(X, y), representation_scorer("dsmi")
    expected = scorer(mlp, X, y)
    assert scorer(mlp, on_device(X), on_device(y)) == pytest.approx(expected, abs=1e-9)


def test_the_settings_tell_samples_apart(data, tmp_path):
    X, y = data
    mlp, path = trained(X, y), tmp_path / "records.csv"

    def tracker(X, y=y):
        return RepresentationTracker("dse", "hidden_1", X, y, path=path)

    tracker(on_device(X))(mlp, 0)
    again = tracker(on_device(X.copy()))
    assert len(again.initialize().records_) == 1
    for other in (X + 1, X.reshape(-1, 8, 8)):
        with pytest.raises(ValueError, match="other samples or parameters"):
            tracker(on_device(other)).initialize()


# Modules of PyTorch


@pytest.fixture
def module():
    """Two layers, of which the second works in place on the first."""
    pytest.importorskip("torch")
    torch.manual_seed(0)
    nn = torch.nn
    return nn.Sequential(
        nn.Linear(64, 16), nn.ReLU(inplace=True), nn.Linear(16, 10)
    ).train()


@pytest.mark.parametrize("dtype", ["float32", "float64", "bfloat16"])
def test_activations_of_a_module_stay_tensors(dtype, module, data):
    module = module.to(getattr(torch, dtype))
    X = torch.tensor(data[0], requires_grad=True)
    arrays = layer_activations(module, X, batch_size=50)
    tensors = layer_activations(module, X, batch_size=50, keep_on_device=True)
    assert tensors.keys() == arrays.keys()
    for name, Z in tensors.items():
        assert type(arrays[name]) is np.ndarray
        assert isinstance(Z, torch.Tensor) and not Z.requires_grad
        assert Z.device == next(module.parameters()).device
        np.testing.assert_array_equal(Z.numpy(), arrays[name])
    assert (arrays["0"] < 0).any()  # a copy, before what follows works in place
    assert module.training


def test_the_tracker_measures_tensors_with_the_bits_of_arrays(module, data):
    X, y = data[0].astype(np.float32), data[1]
    expected = RepresentationTracker(X=X, y=y, keep_on_device=False)(module)
    for Z in (X, torch.tensor(X), torch.tensor(X, requires_grad=True)):
        found = RepresentationTracker(X=Z, y=torch.tensor(y))(module)
        # The settings too: a file goes on with tensors as with arrays.
        for one, other in zip(found, expected, strict=True):
            del one["seconds"]
            np.testing.assert_equal(one, {k: other[k] for k in one})


def test_layers_that_are_not_finite_are_nan(module, data):
    with torch.no_grad():
        module[2].weight[0, 0] = torch.nan
    tracker = RepresentationTracker("dse", X=torch.tensor(data[0]))
    with pytest.warns(UserWarning, match="layer '2' at epoch 0"):
        records = tracker(module)
    assert [np.isnan(one["dse"]) for one in records] == [False, False, True]


def test_arrays_of_other_libraries_go_to_a_module_by_dlpack(module, data):
    import array_api_strict

    X = data[0].astype(np.float32)
    expected = layer_activations(module, X)
    found = layer_activations(module, array_api_strict.asarray(X))
    for name, Z in expected.items():
        np.testing.assert_array_equal(found[name], Z)


def test_nets_of_skorch(data):
    skorch = pytest.importorskip("skorch")
    X, y = data[0].astype(np.float32), data[1]
    net = skorch.NeuralNetClassifier(torch.nn.Linear(64, 10), verbose=0).initialize()
    found = layer_activations(net, torch.tensor(X), keep_on_device=True)
    assert all(isinstance(Z, torch.Tensor) for Z in found.values())
    records = [RepresentationTracker(X=one, y=y)(net) for one in (X, torch.tensor(X))]
    assert_same(*map(without_settings, records))


# All layers at once, and displays


def layers_of(X):
    """Three layers of a network."""
    return {"first": X, "second": X[:, 8:40], "third": X[:, 20:40] * 2}


@pytest.mark.parametrize("place", ["torch", "device"])
def test_all_layers_in_one_call_on_their_device(place, data, monkeypatch):
    pytest.importorskip("matplotlib")
    X, y = data
    there = pytest.importorskip("torch").tensor if place == "torch" else on_device
    moves = Moves(monkeypatch)
    draw = LayerProfileDisplay.from_activations
    expected = draw(layers_of(X), X, y, random_state=0)
    found = draw(layers_of(there(X)), there(X), there(y), random_state=0)
    assert moves.largest < len(X) * 20
    assert list(found.n_features) == [64, 32, 20]
    for measure in ("dse", "dsmi_share", "dsmi_wide", "dsmi_input"):
        values = found.values[measure], expected.values[measure]
        np.testing.assert_allclose(*values, atol=1e-9)


@pytest.mark.parametrize("place", ["torch", "device"])
def test_displays_of_what_was_fitted_to_tensors(place, data):
    pytest.importorskip("matplotlib")
    X, y = data
    there = pytest.importorskip("torch").tensor if place == "torch" else on_device
    SpectrumDisplay.from_estimator(DiffusionSpectralEntropy().fit(there(X)))
    dsmi = DiffusionSpectralMI(random_state=0).fit(there(X), there(y))
    MutualInfoDisplay.from_estimator(dsmi)
    display = LayerProfileDisplay.from_estimator(trained(X, y), there(X), there(y))
    assert display.names == ["input", "hidden_1", "hidden_2", "output"]
