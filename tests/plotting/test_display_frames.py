"""Tables of displays: one row for each point that is drawn, where it is drawn."""

import sys

import numpy as np
import pandas as pd
import pytest
from drawings import RECORDS, segments, vertices

from skdse import DiffusionSpectralEntropy, DiffusionSpectralMI
from skdse.plotting import (
    EntropyCurveDisplay,
    LayerProfileDisplay,
    MutualInfoDisplay,
    SpectrumDisplay,
    TrainingDynamicsDisplay,
)


def of_kind(frame, kind, columns):
    return frame.loc[frame.kind == kind, columns].to_numpy().T


# Spectrum and entropy curve


def test_all_eigenvalues(dense):
    display = SpectrumDisplay.from_estimator(dense)
    frame = display.frame()
    assert set(frame.kind) == {"solved"}
    points = of_kind(frame, "solved", ["rank", "eigenvalue"])
    np.testing.assert_array_equal(points, display.line_.get_data())
    assert frame[["lower", "upper"]].isna().all(axis=None)


def test_eigenvalues_with_bounds(arpack):
    display = SpectrumDisplay.from_estimator(arpack)
    frame = display.frame()
    assert len(frame) == 150
    points = of_kind(frame, "solved", ["rank", "eigenvalue"])
    np.testing.assert_array_equal(points, display.line_.get_data())
    ranks, lower, upper = of_kind(frame, "bounded", ["rank", "lower", "upper"])
    drawn = vertices(display.band_)
    np.testing.assert_allclose([ranks, lower, upper], drawn, atol=1e-300)
    assert frame.eigenvalue[frame.kind == "bounded"].isna().all()


def test_eigenvalues_with_a_density(lanczos):
    display = SpectrumDisplay.from_estimator(lanczos)
    frame = display.frame()
    points = of_kind(frame, "estimated", ["rank", "eigenvalue"])
    np.testing.assert_array_equal(points, display.rest_line_.get_data())
    assert len(frame) == len(lanczos.eigenvalues_) + len(points[0])


def test_curve_and_knee(dense, lanczos):
    for estimator in (dense, lanczos):
        display = EntropyCurveDisplay.from_estimator(estimator, times=[1, 2.5, 7])
        frame = display.frame()
        points = of_kind(frame, "curve", ["time", "entropy"])
        np.testing.assert_array_equal(points, display.line_.get_data())
        knee = of_kind(frame, "knee", ["time", "entropy"])
        np.testing.assert_array_equal(knee, display.knee_.get_data())
        assert set(frame.unit) == {"bits"}
    interval = of_kind(frame, "curve", ["time", "lower", "upper"])
    np.testing.assert_allclose(interval, vertices(display.band_))


def test_curve_alone_in_another_unit(digits):
    dse = DiffusionSpectralEntropy(normalize=True).fit(digits[0])
    frame = EntropyCurveDisplay.from_estimator(dse).frame()
    assert set(frame.unit) == {"share of log2(n)"}
    assert frame.entropy[0] == dse.entropy_
    frame = EntropyCurveDisplay(times=[1, 2], entropy=[3.0, 2.0]).frame()
    assert frame.entropy.tolist() == [3, 2]
    assert set(frame.kind) == {"curve"}
    assert frame[["lower", "upper"]].isna().all(axis=None)


# Mutual information


def test_terms_and_values_by_chance(dsmi, permutation_test):
    display = MutualInfoDisplay.from_estimator(dsmi, test=permutation_test)
    frame = display.frame()
    parts = dict(list(frame.groupby("quantity")))
    drawn = dict(zip(("group", "subsets"), display.lines_, strict=True))
    for name, line in drawn.items():
        terms = parts[f"entropy of {name}"]
        np.testing.assert_array_equal(terms.value, line.get_xdata())
        names = [f"{one.group} (n={one.n_samples:.0f})" for one in terms.itertuples()]
        ticks = [label.get_text() for label in display.ax_.get_yticklabels()]
        assert names == ticks
    (found,) = parts["mutual information"].itertuples()
    assert (found.value, found.std_error) == (
        dsmi.mutual_info_,
        dsmi.mutual_info_std_error_,
    )
    assert set(display.axes_[1].lines[0].get_xdata()) == {found.value}
    by_chance = parts["mutual information by chance"].value
    edges = [bar.get_x() for bar in display.bars_]
    edges.append(edges[-1] + display.bars_[-1].get_width())
    heights = [bar.get_height() for bar in display.bars_]
    np.testing.assert_array_equal(np.histogram(by_chance, edges)[0], heights)
    assert len(frame) == 1 + 2 * 10 + 200


def test_many_groups_are_in_the_order_of_the_drawing(digits):
    X, _ = digits
    # Sizes differ, so that a size that belongs to another group shows.
    y = np.repeat(np.arange(48), [2, 3, 4] * 16)[:144]
    fitted = DiffusionSpectralMI(random_state=0).fit(X[:144], y)
    display = MutualInfoDisplay.from_estimator(fitted)
    frame = display.frame()
    terms = frame[frame.quantity == "entropy of group"]
    np.testing.assert_array_equal(terms.value, display.lines_[0].get_xdata())
    places = terms.group.astype(int)
    np.testing.assert_array_equal(terms.value, fitted.group_entropies_[places])
    np.testing.assert_array_equal(terms.n_samples, np.bincount(y)[places])


def test_units_of_a_share(digits, permutation_test):
    share = DiffusionSpectralMI(normalize=True, n_repeats=1, random_state=0)
    frame = MutualInfoDisplay.from_estimator(share.fit(*digits)).frame()
    assert frame.groupby("quantity").unit.unique().str[0].to_dict() == {
        "mutual information": "share",
        "entropy of group": "bits",
        "entropy of subsets": "bits",
    }
    frame = MutualInfoDisplay.from_test(permutation_test).frame()
    assert set(frame.quantity) == {"mutual information", "mutual information by chance"}


# Layers and training


def test_layers_and_measures():
    measures = ["dse", "dsmi", "accuracy"]
    display = LayerProfileDisplay.from_frame(RECORDS, measures=measures)
    frame = display.frame()
    assert len(frame) == 2 * 3
    for measure, rows in frame.groupby("measure"):
        errorbar = display.errorbars_[measure]
        np.testing.assert_array_equal(rows.value, errorbar.lines[0].get_ydata())
        low, high = segments(errorbar)
        np.testing.assert_allclose(rows.error, (high - low) / 2, atol=1e-15)
        ticks = [label.get_text() for label in display.ax_.get_xticklabels()]
        names = zip(rows.layer, rows.n_features, strict=True)
        assert [f"{layer}\n{width}" for layer, width in names] == ticks
        assert set(rows.unit) == {"" if measure == "accuracy" else "bits"}
    assert set(frame.n_runs) == {2}


def test_layers_of_which_little_is_known():
    values = {"dse": np.array([1.0, 2.0])}
    frame = LayerProfileDisplay(names=["a", "b"], values=values, unit="share").frame()
    assert frame.value.tolist() == [1, 2]
    assert frame[["error", "n_features"]].isna().all(axis=None)
    assert set(frame.unit) == {"share"}


@pytest.mark.parametrize("x", ["epoch", "accuracy"])
def test_curves_of_training(x):
    display = TrainingDynamicsDisplay.from_frame(RECORDS, x=x)
    frame = display.frame()
    assert frame.columns[:3].tolist() == ["layer", x, "measure"]
    assert len(frame) == 2 * 2 * 3
    for (layer, measure), rows in frame.groupby(["layer", "measure"]):
        line = display.lines_[measure][layer]
        np.testing.assert_array_equal(rows[[x, "value"]].to_numpy().T, line.get_data())
        band = display.bands_[measure][layer]
        if x == "epoch":
            _, low, high = vertices(band)
            np.testing.assert_allclose(rows.spread, (high - low) / 2, atol=1e-15)
        else:
            widths = [np.ptp(one[:, 0]) / 2 for one in band.lines[2][0].get_segments()]
            np.testing.assert_allclose(rows.x_spread, widths, atol=1e-15)


def test_a_single_curve():
    rows = [one for one in RECORDS if one["layer"] == "output" and one["run"] == 0]
    frame = TrainingDynamicsDisplay.from_frame(rows, measures="accuracy").frame()
    assert set(frame.curve) == {"all"}
    assert frame[["spread", "x_spread"]].isna().all(axis=None)
    assert set(frame.unit) == {""}
    assert set(frame.n_runs) == {1}


# All displays


def test_frames_need_neither_a_drawing_nor_columns_of_objects(dense, dsmi):
    # Before it is drawn, a display knows all that it will draw.
    curve = EntropyCurveDisplay(times=[1.0], entropy=[2.0], knee=(1.0, 2.0))
    assert isinstance(curve.frame(), pd.DataFrame)
    for display in (
        SpectrumDisplay.from_estimator(dense),
        MutualInfoDisplay.from_estimator(dsmi),
        LayerProfileDisplay.from_frame(RECORDS),
        TrainingDynamicsDisplay.from_frame(RECORDS),
    ):
        frame = display.frame()
        assert frame.index.equals(pd.RangeIndex(len(frame)))
        numbers = frame.select_dtypes("number").columns
        assert {"eigenvalue", "value"} & set(numbers)


def test_missing_pandas_names_the_extra(dense, monkeypatch):
    display = SpectrumDisplay.from_estimator(dense)
    monkeypatch.setitem(sys.modules, "pandas", None)
    with pytest.raises(ImportError, match=r"SpectrumDisplay.frame .*skdse\[report\]"):
        display.frame()
