"""Layers: what is drawn is what was measured."""

import numpy as np
import pandas as pd
import pytest
from by_hand import share, wide
from drawings import RECORDS, segments
from sklearn.decomposition import PCA
from sklearn.exceptions import NotFittedError
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skdse import DiffusionSpectralEntropy, DiffusionSpectralMI
from skdse.plotting import LayerProfileDisplay


def test_profile_of_the_last_epoch_over_runs():
    display = LayerProfileDisplay.from_frame(pd.DataFrame(RECORDS))
    assert display.names == ["hidden_1", "output"]
    np.testing.assert_allclose(display.values["dse"], [4.5, 4.5])
    np.testing.assert_allclose(display.errors["dse"], 2**-0.5)
    line = display.errorbars_["dse"].lines[0]
    np.testing.assert_allclose(line.get_ydata(), [4.5, 4.5])
    low, high = segments(display.errorbars_["dse"])
    np.testing.assert_allclose((high - low) / 2, 2**-0.5)
    assert [ax.get_ylabel() for ax in display.axes_] == ["DSE [bits]", "DSMI [bits]"]
    ticks = [label.get_text() for label in display.ax_.get_xticklabels()]
    assert ticks == ["hidden_1\n8", "output\n3"]
    assert display.ax_.get_title() == "mean ± s.d. of 2 runs"


def test_profile_of_another_epoch():
    display = LayerProfileDisplay.from_frame(RECORDS, epoch=0)
    np.testing.assert_allclose(display.values["dse"], [6, 6])
    with pytest.raises(ValueError, match=r"epoch must be one of .*\[0, 1, 2\]; got 9"):
        LayerProfileDisplay.from_frame(RECORDS, epoch=9)


def test_rows_of_the_same_name_stay_apart():
    rows = [{"name": "Z.npy", "dse": value} for value in (1.0, 2.0)]
    display = LayerProfileDisplay.from_frame(rows, name="name", unit="share")
    assert display.errorbars_["dse"].lines[0].get_ydata().tolist() == [1, 2]
    assert display.ax_.get_xlabel() == "representation Z"
    assert display.ax_.get_ylabel() == "DSE [share]"


def test_layers_of_a_perceptron_are_measured(digits, mlp):
    X, y = digits
    display = LayerProfileDisplay.from_estimator(mlp, X, y, random_state=0)
    assert display.names == ["input", "hidden_1", "hidden_2", "output"]
    np.testing.assert_array_equal(display.n_features, [64, 8, 5, 10])
    Z = np.maximum(X @ mlp.coefs_[0] + mlp.intercepts_[0], 0)
    dse = DiffusionSpectralEntropy(random_state=0).fit(Z)
    of_labels = {"dsmi_share": share().fit(Z, y), "dsmi_wide": wide().fit(Z, y)}
    assert display.values["dse"][1] == dse.entropy_
    for name, dsmi in of_labels.items():
        assert display.values[name][1] == dsmi.mutual_info_
        assert display.errors[name][1] == dsmi.mutual_info_std_error_
    clusters = wide(target="continuous").fit(X, X).labels_
    by_input = wide().fit(Z, clusters)
    assert display.values["dsmi_input"][1] == by_input.mutual_info_
    low, high = segments(display.errorbars_["dsmi_wide"])
    np.testing.assert_allclose((high - low) / 2, display.errors["dsmi_wide"])
    texts = [text.get_text() for text in display.axes_[2].get_legend().get_texts()]
    assert texts == ["DSMI wide, labels", "DSMI(Z;X), inputs"]
    assert [ax.get_ylabel() for ax in display.axes_] == [
        "DSE [bits]",
        "DSMI share\n(to compare representations)",
        "DSMI [bits]\n(to follow a network)",
    ]


def test_layers_of_a_pipeline_start_where_its_perceptron_does(digits):
    X, y = digits
    network = MLPClassifier((4,), solver="lbfgs", max_iter=500, random_state=0)
    pipeline = make_pipeline(StandardScaler(), PCA(6), network).fit(X, y)
    display = LayerProfileDisplay.from_estimator(pipeline, X, random_state=0)
    np.testing.assert_array_equal(display.n_features, [6, 4, 10])
    assert list(display.values) == ["dse", "dsmi_input"]


def test_activations_with_estimators_of_ones_own(digits):
    X, y = digits
    dse = DiffusionSpectralEntropy(normalize=True)
    share = DiffusionSpectralMI(normalize=True, n_repeats=2, random_state=3)
    layers = {"first": X, "second": X[:, :20]}
    display = LayerProfileDisplay.from_activations(layers, y=y, dse=dse, dsmi=share)
    assert list(display.values) == ["dse", "dsmi"]
    expected = [share.fit(Z, y).mutual_info_ for Z in layers.values()]
    np.testing.assert_array_equal(display.values["dsmi"], expected)
    assert [ax.get_ylabel() for ax in display.axes_] == ["DSE [share]", "DSMI [share]"]
    assert not hasattr(dse, "entropy_")  # the one that was given stays as it was


def test_what_is_no_perceptron_is_refused(digits):
    X, y = digits
    with pytest.raises(TypeError, match=r"estimator must be .* got PCA"):
        LayerProfileDisplay.from_estimator(PCA().fit(X), X, y)
    with pytest.raises(NotFittedError):
        LayerProfileDisplay.from_estimator(MLPClassifier(), X, y)
