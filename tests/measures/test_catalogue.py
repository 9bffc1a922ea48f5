"""One catalogue of measures: the same names, targets and numbers everywhere."""

import inspect
import json
from contextlib import redirect_stdout
from io import StringIO

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.datasets import load_digits
from sklearn.neural_network import MLPClassifier

from skdse import DiffusionSpectralEntropy, DiffusionSpectralMI, ShannonEntropy
from skdse._cli import main
from skdse._measures.catalogue import (
    CATALOGUE,
    MEASURES,
    default_measure,
    describe,
    measure_layers,
    prepare_measures,
)
from skdse.model_selection import representation_scorer, select_representation
from skdse.plotting import LayerProfileDisplay
from skdse.probing import RepresentationTracker

NAMES = ("dse", "dsmi", "dsmi_share", "dsmi_wide", "dsmi_input")
BY_DEFAULT = ("dse", "dsmi_share", "dsmi_wide")


@pytest.fixture(scope="module")
def network():
    X, y = load_digits(return_X_y=True)
    X, y = X[:200], y[:200]
    mlp = MLPClassifier(16, max_iter=5, solver="lbfgs", random_state=0)
    with pytest.warns(UserWarning, match="failed to converge"):
        mlp.fit(X, y)
    return mlp, X, y


def test_names_are_those_that_users_know():
    assert MEASURES == NAMES
    default = inspect.signature(RepresentationTracker).parameters["measures"].default
    assert default == BY_DEFAULT
    for tool in (representation_scorer, select_representation):
        default = inspect.signature(tool).parameters["measure"].default
        assert default == "dsmi_share"


def test_command_line_tracker_scorers_and_displays_agree(network, tmp_path):
    mlp, X, y = network
    # By name, the tracker takes as many subsets as its budget of errors asks for.
    measures = {name: default_measure(name) for name in NAMES}
    Z = RepresentationTracker(measures, 1, X, y)(mlp, 0)[0]
    display = LayerProfileDisplay.from_estimator(mlp, X, y, random_state=0)
    layer = display.names.index("hidden_1")
    for name in NAMES:
        scored = representation_scorer(name)(mlp, X, y)
        assert Z[name] == scored
        if name == "dsmi":
            assert name not in display.values
            continue
        assert display.values[name][layer] == scored
        assert display.errors[name][layer] == Z[f"{name}_std_error"]
    # The command line measures the file of the same layer.
    hidden = np.maximum(X @ mlp.coefs_[0] + mlp.intercepts_[0], 0)
    np.save(tmp_path / "Z.npy", hidden)
    np.save(tmp_path / "y.npy", y)
    with redirect_stdout(StringIO()) as out:
        main(
            [
                "report",
                str(tmp_path / "Z.npy"),
                "--labels",
                f"{tmp_path}/y.npy",
                "--json",
            ]
        )
    (record,) = json.loads(out.getvalue())
    for name in BY_DEFAULT:
        assert record[name] == pytest.approx(Z[name], abs=1e-9)
        assert record[f"{name}_std_error"] == pytest.approx(
            Z[f"{name}_std_error"], abs=1e-9
        )


def test_labels_and_units_of_what_is_not_known():
    assert describe("dsmi").label == "DSMI(Z;Y), labels"
    other = describe("loss")
    assert (other.title, other.label, other.has_unit) == ("loss", "loss", False)
    assert [CATALOGUE[name].has_unit for name in NAMES] == [
        True,
        True,
        False,
        True,
        True,
    ]
    assert describe("dsmi_wide").heading == "DSMI wide (to follow a network)"
    assert describe("dsmi").heading == "DSMI(Z;Y)"


def test_layers_are_measured_as_they_come(network):
    _, X, y = network
    measures = {
        "dsmi": (DiffusionSpectralMI(), "y"),
        "dse": (DiffusionSpectralEntropy(), None),
        "shannon": (ShannonEntropy(), "y"),
    }
    prepared = prepare_measures(measures, X, y, 3)
    taken = []

    def layers():
        for name in ("a", "b"):
            taken.append(name)
            yield name, X[:, : 30 + len(taken)]

    found = measure_layers(layers(), prepared)
    first = next(found)
    assert taken == ["a"]
    assert first.name == "a"
    assert list(first.values) == [
        *("dsmi", "dsmi_std_error", "dse", "dse_std_error"),
        *("shannon", "shannon_std_error"),
    ]
    dsmi = DiffusionSpectralMI(random_state=3).fit(X[:, :31], y)
    assert first.values["dsmi"] == dsmi.mutual_info_
    assert first.values["dsmi_std_error"] == dsmi.mutual_info_std_error_
    assert first.values["shannon"] == ShannonEntropy().fit(X[:, :31]).entropy_
    assert np.isnan(first.values["shannon_std_error"])
    assert first.fitted["dse"].entropy_ == first.values["dse"]
    assert [one.name for one in found] == ["b"]


def test_measures_that_are_given_stay_as_they_were(network):
    _, X, y = network
    dsmi = DiffusionSpectralMI(n_groups=3)
    before = clone(dsmi).get_params()
    prepared = prepare_measures({"dsmi": (dsmi, "y")}, X, y, 0)
    list(measure_layers([("a", X)], prepared))
    after = dsmi.get_params()
    assert {k: v for k, v in after.items() if k != "estimator"} == {
        k: v for k, v in before.items() if k != "estimator"
    }
    assert not hasattr(dsmi, "mutual_info_")


def test_an_error_names_the_measure_and_the_layer(network):
    _, X, y = network
    prepared = prepare_measures({"dse": (DiffusionSpectralEntropy(), None)}, X, y, 0)
    layer = np.where(np.arange(64) == 7, np.inf, X)
    with pytest.raises(ValueError, match="infinity") as caught:
        list(measure_layers([("conv", layer)], prepared, occasion=" at epoch 3"))
    assert caught.value.__notes__ == ["The measure 'dse' of layer 'conv' at epoch 3."]
    (found,) = measure_layers([("conv", layer)], prepared, skip_not_finite=True)
    assert np.isnan(found.values["dse"])
    assert found.fitted == {}
