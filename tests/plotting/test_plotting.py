"""What is drawn is what was measured: data, errors, labels with units."""

import inspect
import subprocess
import sys

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from matplotlib.colors import to_rgba
from sklearn.decomposition import PCA
from sklearn.exceptions import NotFittedError
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skdse import (
    DiffusionSpectralEntropy,
    DiffusionSpectralMI,
    ShannonEntropy,
    mutual_info_permutation_test,
)
from skdse.plotting import (
    EntropyCurveDisplay,
    LayerProfileDisplay,
    MutualInfoDisplay,
    SpectrumDisplay,
    TrainingDynamicsDisplay,
)

RECORDS = [
    {
        "run": run,
        "layer": layer,
        "epoch": epoch,
        "accuracy": 0.2 * epoch + 0.05 * run,
        "dse": 6 - epoch + run * (epoch > 0),
        "dse_std_error": 0.125,
        "dsmi_y": epoch / 2.0,
        "dsmi_y_std_error": 0.25,
        "n_features": width,
    }
    for run in (0, 1)
    for layer, width in (("hidden_1", 8), ("output", 3))
    for epoch in (0, 1, 2)
]


@pytest.fixture(autouse=True)
def _figures_are_closed():
    yield
    plt.close("all")


@pytest.fixture(scope="module")
def dense(digits):
    return DiffusionSpectralEntropy().fit(digits[0])


@pytest.fixture(scope="module")
def arpack(digits):
    return DiffusionSpectralEntropy(
        eigen_solver="arpack", n_components=12, random_state=0
    ).fit(digits[0])


@pytest.fixture(scope="module")
def lanczos(digits):
    return DiffusionSpectralEntropy(
        eigen_solver="lanczos", tol=0.05, random_state=0
    ).fit(digits[0])


@pytest.fixture(scope="module")
def dsmi(digits):
    return DiffusionSpectralMI(random_state=0).fit(*digits)


@pytest.fixture(scope="module")
def permutation_test(digits):
    return mutual_info_permutation_test(*digits, random_state=0)


@pytest.fixture(scope="module")
def mlp(digits):
    X, y = digits
    return MLPClassifier((8, 5), solver="lbfgs", max_iter=5000, random_state=0).fit(
        X, y
    )


@pytest.fixture
def drawn(dense, permutation_test):
    """One drawn display of each kind."""
    return [
        SpectrumDisplay.from_estimator(dense),
        EntropyCurveDisplay.from_estimator(dense),
        MutualInfoDisplay.from_test(permutation_test),
        TrainingDynamicsDisplay.from_frame(RECORDS, measures="dse"),
        LayerProfileDisplay.from_frame(RECORDS, measures="dse"),
    ]


def vertices(band):
    """Lower and upper edge of a band: the largest and smallest y at each x."""
    points = np.concatenate([path.vertices for path in band.get_paths()])
    xs = np.unique(points[:, 0])
    edges = [points[points[:, 0] == x, 1] for x in xs]
    return xs, np.array([e.min() for e in edges]), np.array([e.max() for e in edges])


def segments(errorbar):
    """Lower and upper end of each error bar."""
    (bars,) = errorbar.lines[2]
    return np.array([segment[:, 1] for segment in bars.get_segments()]).T


# What all displays share


def test_displays_follow_the_conventions(drawn):
    for display in drawn:
        assert display.ax_.figure is display.figure_
        assert display.ax_.get_xlabel()
        ax = plt.figure().add_subplot()
        assert display.plot(ax=ax) is display
        assert display.ax_ is ax
        assert display.figure_ is ax.figure
        display.figure_.canvas.draw()


def test_parameters_are_attributes(drawn):
    for display in drawn:
        stored = {name for name in vars(display) if not name.endswith("_")}
        assert stored == set(inspect.signature(type(display)).parameters)
        copy = type(display)(**{name: vars(display)[name] for name in stored})
        assert copy.plot().ax_.get_ylabel() == display.ax_.get_ylabel()


def test_text_is_seen_on_a_dark_background(dense, dsmi):
    with plt.style.context("dark_background"):
        curve = EntropyCurveDisplay.from_estimator(dense)
        terms = MutualInfoDisplay.from_estimator(dsmi)
    white = to_rgba("white")
    assert to_rgba(curve.knee_.get_color()) == white
    joins = terms.ax_.collections[0].get_colors()[0]
    assert tuple(joins[:3]) == white[:3]


def test_missing_matplotlib_names_the_extra(dense, monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib.pyplot", None)
    with pytest.raises(ImportError, match=r"SpectrumDisplay.plot .*skdse\[plot\]"):
        SpectrumDisplay.from_estimator(dense)


def test_importing_the_displays_loads_neither_matplotlib_nor_pandas():
    code = (
        "import sys, sklearn.base; before = set(sys.modules); import skdse.plotting; "
        "new = {name.partition('.')[0] for name in set(sys.modules) - before}; "
        "print(sorted(new & {'matplotlib', 'pandas'}), 'matplotlib' in sys.modules)"
    )
    out = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert out.stdout == "[] False\n"


@pytest.mark.parametrize("kind", [SpectrumDisplay, EntropyCurveDisplay])
def test_estimators_of_other_kinds_are_refused(kind, digits):
    with pytest.raises(TypeError, match="fitted DiffusionSpectralEntropy; got Shannon"):
        kind.from_estimator(ShannonEntropy().fit(digits[0]))
    with pytest.raises(NotFittedError):
        kind.from_estimator(DiffusionSpectralEntropy())


def test_wrong_number_of_axes_is_refused():
    with pytest.raises(ValueError, match=r"ax must be None or 2 axes, .*; got 1\."):
        LayerProfileDisplay.from_frame(RECORDS, ax=plt.figure().add_subplot())


# Spectrum


def test_spectrum_of_all_eigenvalues(dense):
    display = SpectrumDisplay.from_estimator(dense, color="black")
    ranks, moduli = display.line_.get_data()
    np.testing.assert_array_equal(ranks, np.arange(1, 151))
    np.testing.assert_array_equal(moduli, np.abs(dense.eigenvalues_))
    assert display.line_.get_color() == "black"
    assert display.band_ is None
    assert display.rest_line_ is None
    assert "all 150" in display.ax_.get_legend().get_texts()[0].get_text()


@pytest.mark.parametrize("bandwidth", ["auto", "adaptive"])
@pytest.mark.parametrize("n_components", [1, 12, 140])
def test_certified_bounds_contain_the_eigenvalues(digits, bandwidth, n_components):
    # A Gaussian of one bandwidth is positive semi-definite, an adaptive one is not.
    options = {"bandwidth": bandwidth, "random_state": 0}
    exact = DiffusionSpectralEntropy(**options).fit(digits[0])
    some = DiffusionSpectralEntropy(
        eigen_solver="arpack", n_components=n_components, **options
    ).fit(digits[0])
    lower, upper = some.spectrum_.tail_bounds()
    rest = np.sort(np.abs(exact.eigenvalues_))[::-1][n_components:]
    assert (lower <= rest + 1e-10).all()
    assert (rest <= upper + 1e-10).all()
    # They say something: there is mass, and not more than there is.
    assert lower[0] > 0
    assert upper[-1] < upper[0] or n_components == 140


def test_spectrum_with_certified_bounds_is_drawn(arpack):
    display = SpectrumDisplay.from_estimator(arpack)
    ranks, lower, upper = vertices(display.band_)
    np.testing.assert_array_equal(ranks, np.arange(13, 151))
    bounds = arpack.spectrum_.tail_bounds()
    np.testing.assert_allclose(upper, bounds[1])
    np.testing.assert_allclose(lower, bounds[0], atol=1e-300)
    texts = [text.get_text() for text in display.ax_.get_legend().get_texts()]
    assert texts[1] == "the other 138: certified bounds"


def test_estimated_density_is_near_the_eigenvalues(rng):
    X = rng.normal(size=(400, 5))
    exact = DiffusionSpectralEntropy().fit(X)
    estimated = DiffusionSpectralEntropy(
        eigen_solver="lanczos", tol=1e-3, random_state=0
    ).fit(X)
    display = SpectrumDisplay.from_estimator(estimated)
    ranks, moduli = display.rest_line_.get_data()
    assert (np.diff(ranks) >= 0).all()
    assert (np.diff(moduli) <= 0).all()
    assert len(estimated.eigenvalues_) < ranks[0]
    assert ranks[-1] <= 400.5
    # Beyond, eigenvalues are so small that the entropy, and so the density, needs none.
    for rank in (120, 200):
        level = exact.eigenvalues_[rank - 1]
        assert np.interp(-level, -moduli, ranks) == pytest.approx(rank, rel=0.1)
    assert "estimated" in display.ax_.get_legend().get_texts()[1].get_text()


def test_spectrum_of_one_sample_and_of_identical_ones():
    for X in (np.ones((1, 2)), np.ones((30, 2))):
        display = SpectrumDisplay.from_estimator(DiffusionSpectralEntropy().fit(X))
        display.figure_.canvas.draw()
        assert display.line_.get_ydata()[0] == 1


# Entropy curve


def test_curve_is_that_of_the_estimator(dense):
    display = EntropyCurveDisplay.from_estimator(dense)
    times, values = display.line_.get_data()
    np.testing.assert_array_equal(times, np.arange(1, 101))
    np.testing.assert_array_equal(values, dense.entropy_curve(times))
    assert display.band_ is None
    assert display.ax_.get_ylabel() == "DSE [bits]"


def test_knee_is_the_time_that_auto_takes(dense, digits):
    auto = DiffusionSpectralEntropy(t="auto").fit(digits[0])
    for times in (None, [1, 2, 4]):
        display = EntropyCurveDisplay.from_estimator(dense, times=times)
        assert display.knee == (auto.t_, auto.entropy_)
        assert display.knee_.get_xydata().tolist() == [[auto.t_, auto.entropy_]]


def test_interval_of_the_curve(arpack, lanczos):
    for estimator, label in (
        (arpack, "certified interval"),
        (lanczos, "± 2 standard errors"),
    ):
        display = EntropyCurveDisplay.from_estimator(estimator, times=[1, 2, 3])
        _, lower, upper = vertices(display.band_)
        assert (lower[0], upper[0]) == pytest.approx(estimator.entropy_interval_)
        texts = [text.get_text() for text in display.ax_.get_legend().get_texts()]
        assert label in texts


def test_curve_of_a_share(digits):
    dse = DiffusionSpectralEntropy(normalize=True).fit(digits[0])
    display = EntropyCurveDisplay.from_estimator(dse, times=[1.0])
    assert display.line_.get_ydata().tolist() == [dse.entropy_]
    assert display.ax_.get_ylabel() == "DSE [share of log2(n)]"


@pytest.mark.parametrize("times", [[0, 1], [[1, 2]], [np.nan, 1]])
def test_invalid_times_are_refused(dense, times):
    with pytest.raises(ValueError, match="times"):
        EntropyCurveDisplay.from_estimator(dense, times=times)


# Mutual information


def test_terms_of_the_groups(dsmi):
    display = MutualInfoDisplay.from_estimator(dsmi)
    groups, subsets = display.lines_
    np.testing.assert_array_equal(groups.get_xdata(), dsmi.group_entropies_)
    np.testing.assert_array_equal(subsets.get_xdata(), np.full(10, dsmi.entropy_))
    # The mean gap, weighted by the sizes drawn, is the mutual information.
    gaps = subsets.get_xdata() - groups.get_xdata()
    mean = np.average(gaps, weights=display.group_sizes)
    assert mean == pytest.approx(dsmi.mutual_info_)
    assert display.ax_.get_xlabel() == "entropy [bits]"
    names = [label.get_text() for label in display.ax_.get_yticklabels()]
    assert names[0] == f"0 (n={np.sum(dsmi.labels_ == 0)})"
    error = dsmi.mutual_info_std_error_
    assert (
        display.ax_.get_title() == f"DSMI = {dsmi.mutual_info_:.3f} ± {error:.3f} bits"
    )
    assert display.bars_ is None


def test_subsets_of_the_size_of_each_group():
    display = MutualInfoDisplay(
        mutual_info=1.0,
        std_error=0.1,
        groups=["a", "b"],
        group_entropies=[1.0, 2.0],
        subset_entropies=[2.0, 3.5],
    ).plot()
    assert display.lines_[1].get_xdata().tolist() == [2, 3.5]
    texts = [text.get_text() for text in display.ax_.get_legend().get_texts()]
    assert texts == ["S(X | Y = y)", "E S(X*), its size"]
    names = [label.get_text() for label in display.ax_.get_yticklabels()]
    assert names == ["a", "b"]


def test_null_distribution_and_terms_side_by_side(dsmi, permutation_test):
    display = MutualInfoDisplay.from_estimator(dsmi, test=permutation_test)
    assert len(display.axes_) == 2
    assert display.ax_ is display.axes_[0]
    assert sum(bar.get_height() for bar in display.bars_) == 200
    edges = [bar.get_x() for bar in display.bars_]
    assert edges[0] == permutation_test.null_distribution.min()
    found = display.axes_[1].lines[0]
    assert set(found.get_xdata()) == {dsmi.mutual_info_}
    assert found.get_label() == f"found, p = {permutation_test.pvalue:.2g}"
    assert display.axes_[1].get_xlabel() == "DSMI [bits]"


def test_share_has_its_unit(digits):
    X, y = digits
    share = DiffusionSpectralMI(normalize=True, n_repeats=1, random_state=0).fit(X, y)
    display = MutualInfoDisplay.from_estimator(share)
    # A single repeat has no error.
    assert display.ax_.get_title() == f"DSMI = {share.mutual_info_:.3f} share"
    assert display.ax_.get_xlabel() == "entropy [bits]"


def test_many_groups_are_sorted_and_not_named(digits):
    X, _ = digits
    fitted = DiffusionSpectralMI(random_state=0).fit(X, np.arange(150) // 3)
    display = MutualInfoDisplay.from_estimator(fitted)
    drawn = display.lines_[0].get_xdata()
    np.testing.assert_array_equal(drawn, np.sort(fitted.group_entropies_))
    assert display.ax_.get_ylabel() == "groups, by their entropy"


def test_other_kinds_are_refused_by_mutual_info(dense, dsmi):
    with pytest.raises(TypeError, match="fitted DiffusionSpectralMI"):
        MutualInfoDisplay.from_estimator(dense)
    with pytest.raises(NotFittedError):
        MutualInfoDisplay.from_estimator(DiffusionSpectralMI())
    with pytest.raises(TypeError, match=r"test must be .* got 0\.5"):
        MutualInfoDisplay.from_estimator(dsmi, test=0.5)


# Training


def one_layer():
    return [one for one in RECORDS if one["layer"] == "output"]


@pytest.mark.parametrize("kind", [list, pd.DataFrame, dict])
def test_mean_and_spread_over_runs(kind):
    frame = kind(one_layer()) if kind is not dict else dict(pd.DataFrame(one_layer()))
    display = TrainingDynamicsDisplay.from_frame(frame)
    assert [ax.get_ylabel() for ax in display.axes_] == [
        "DSE [bits]",
        "DSMI(Z;Y) [bits]",
    ]
    line = display.lines_["dse"]["all"]
    # Runs at 6, 5, 4 and at 6, 6, 5; of two values the deviation is |a - b| / √2.
    np.testing.assert_array_equal(line.get_xdata(), [0, 1, 2])
    np.testing.assert_allclose(line.get_ydata(), [6, 5.5, 4.5])
    _, lower, upper = vertices(display.bands_["dse"]["all"])
    np.testing.assert_allclose((upper - lower) / 2, np.array([0, 1, 1]) / 2**0.5)
    assert display.ax_.get_title() == "mean ± s.d. of 2 runs"
    assert display.ax_.get_xlabel() == "epoch"


def test_polars_frame():
    polars = pytest.importorskip("polars")
    display = TrainingDynamicsDisplay.from_frame(polars.DataFrame(one_layer()))
    np.testing.assert_allclose(display.curves["all"].means["dse"], [6, 5.5, 4.5])


def test_single_run_has_the_standard_error_of_the_measure():
    rows = [one for one in one_layer() if one["run"] == 0]
    display = TrainingDynamicsDisplay.from_frame(rows, measures=["dse", "accuracy"])
    _, lower, upper = vertices(display.bands_["dse"]["all"])
    np.testing.assert_allclose((upper - lower) / 2, 0.125)
    assert display.bands_["accuracy"] == {}
    assert display.ax_.get_title() == "± standard error"
    assert display.axes_[1].get_ylabel() == "accuracy"


def test_layers_are_curves_of_their_own():
    display = TrainingDynamicsDisplay.from_frame(RECORDS)
    assert list(display.curves) == ["hidden_1", "output"]
    legend = display.ax_.get_legend()
    assert legend.get_title().get_text() == "layer, mean ± s.d. of 2 runs"
    looks = {
        (line.get_color(), line.get_marker(), line.get_linestyle())
        for line in display.lines_["dse"].values()
    }
    # Told apart by each of colour, marker and line style.
    assert [len(set(one)) for one in zip(*looks, strict=True)] == [2, 2, 2]


def test_legend_of_many_curves_is_beside_the_last_panel():
    rows = [one | {"layer": name} for one in one_layer() for name in "abcd"]
    display = TrainingDynamicsDisplay.from_frame(rows)
    assert display.ax_.get_legend() is None
    display.figure_.canvas.draw()
    legend = display.axes_[-1].get_legend()
    assert [text.get_text() for text in legend.get_texts()] == list("abcd")
    left = legend.get_window_extent().x0
    assert left >= display.axes_[-1].get_window_extent().x1
    assert legend.get_window_extent().x1 <= display.figure_.bbox.x1


def test_against_accuracy():
    display = TrainingDynamicsDisplay.from_frame(one_layer(), x="accuracy")
    line = display.lines_["dsmi_y"]["all"]
    np.testing.assert_allclose(line.get_xdata(), [0.025, 0.225, 0.425])
    np.testing.assert_allclose(line.get_ydata(), [0, 0.5, 1])
    np.testing.assert_allclose(display.curves["all"].x_spread, 0.05 / 2**0.5)
    assert display.ax_.get_xlabel() == "accuracy"
    horizontal, vertical = display.bands_["dse"]["all"].lines[2]
    widths = [np.ptp(one[:, 0]) for one in horizontal.get_segments()]
    heights = [np.ptp(one[:, 1]) for one in vertical.get_segments()]
    np.testing.assert_allclose(widths, 0.05 * 2**0.5)
    np.testing.assert_allclose(heights, np.array([0, 1, 1]) * 2**0.5)


def test_columns_of_a_tracker():
    rows = [
        {
            "run": np.nan,  # an empty name, read from a CSV file
            "epoch": epoch,
            "layer": layer,
            "dse_t2": 3.0,
            "dse_t2_std_error": 0.0,
            "dsmi_input": 0.5,
            "dsmi_input_std_error": 0.1,
            "dsmi": 1.0 + epoch,
            "dsmi_std_error": 0.1,
            "accuracy": 0.5,
            "settings": "ab12",
        }
        for epoch in (0, 1)
        for layer in ("0", "2")
    ]
    frame = pd.DataFrame(rows)
    training = TrainingDynamicsDisplay.from_frame(frame)
    labels = [ax.get_ylabel() for ax in training.axes_]
    assert labels == ["DSMI(Z;Y) [bits]", "DSMI(Z;X) [bits]", "dse_t2"]
    assert training.ax_.get_legend().get_title().get_text() == "layer, ± standard error"
    profile = LayerProfileDisplay.from_frame(frame)
    assert [ax.get_ylabel() for ax in profile.axes_] == ["DSMI [bits]", "dse_t2"]
    assert profile.values["dsmi"].tolist() == [2, 2]
    assert profile.n_runs == 1


def test_missing_values_are_left_out():
    rows = [one | {"dse": None} if one["epoch"] == 2 else one for one in one_layer()]
    rows[0] = rows[0] | {"dse": np.nan}
    display = TrainingDynamicsDisplay.from_frame(rows)
    means = display.lines_["dse"]["all"].get_ydata()
    np.testing.assert_array_equal(means, [6, 5.5, np.nan])


@pytest.mark.parametrize(
    ("frame", "options", "message"),
    [
        ([], {}, "frame has no rows"),
        ({"epoch": []}, {}, "frame has no rows"),
        (
            [{"epoch": 0, "loss": 1.0}],
            {},
            r"none of the measures .*\['epoch', 'loss'\]",
        ),
        (RECORDS, {"x": "step"}, "x must be among the columns .* got 'step'"),
        (RECORDS, {"measures": "mse"}, "measures must be .* got 'mse'"),
        (RECORDS, {"by": "seed"}, "by must be .* got 'seed'"),
        (RECORDS, {"by": "run"}, "by='run' needs a frame of one layer"),
    ],
)
def test_frames_that_cannot_be_drawn(frame, options, message):
    with pytest.raises(ValueError, match=message):
        TrainingDynamicsDisplay.from_frame(frame, **options)


# Layers


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
    by_label = DiffusionSpectralMI(random_state=0).fit(Z, y)
    assert display.values["dse"][1] == dse.entropy_
    assert display.values["dsmi_y"][1] == by_label.mutual_info_
    assert display.errors["dsmi_y"][1] == by_label.mutual_info_std_error_
    clusters = (
        DiffusionSpectralMI(target="continuous", random_state=0).fit(X, X).labels_
    )
    by_input = DiffusionSpectralMI(random_state=0).fit(Z, clusters)
    assert display.values["dsmi_x"][1] == by_input.mutual_info_
    low, high = segments(display.errorbars_["dsmi_y"])
    np.testing.assert_allclose((high - low) / 2, display.errors["dsmi_y"])
    texts = [text.get_text() for text in display.axes_[1].get_legend().get_texts()]
    assert texts == ["DSMI(Z;Y), labels", "DSMI(Z;X), inputs"]


def test_layers_of_a_pipeline_start_where_its_perceptron_does(digits):
    X, y = digits
    network = MLPClassifier((4,), solver="lbfgs", max_iter=500, random_state=0)
    pipeline = make_pipeline(StandardScaler(), PCA(6), network).fit(X, y)
    display = LayerProfileDisplay.from_estimator(pipeline, X, random_state=0)
    np.testing.assert_array_equal(display.n_features, [6, 4, 10])
    assert list(display.values) == ["dse", "dsmi_x"]


def test_activations_with_estimators_of_ones_own(digits):
    X, y = digits
    dse = DiffusionSpectralEntropy(normalize=True)
    share = DiffusionSpectralMI(normalize=True, n_repeats=2, random_state=3)
    layers = {"first": X, "second": X[:, :20]}
    display = LayerProfileDisplay.from_activations(layers, y=y, dse=dse, dsmi=share)
    assert list(display.values) == ["dse", "dsmi_y"]
    expected = [share.fit(Z, y).mutual_info_ for Z in layers.values()]
    np.testing.assert_array_equal(display.values["dsmi_y"], expected)
    assert [ax.get_ylabel() for ax in display.axes_] == ["DSE [share]", "DSMI [share]"]
    assert not hasattr(dse, "entropy_")  # the one that was given stays as it was


def test_what_is_no_perceptron_is_refused(digits):
    X, y = digits
    with pytest.raises(TypeError, match=r"estimator must be .* got PCA"):
        LayerProfileDisplay.from_estimator(PCA().fit(X), X, y)
    with pytest.raises(NotFittedError):
        LayerProfileDisplay.from_estimator(MLPClassifier(), X, y)
