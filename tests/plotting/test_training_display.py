"""Training: what is drawn is what was measured."""

import numpy as np
import pandas as pd
import pytest
from drawings import RECORDS, vertices

from skdse.plotting import LayerProfileDisplay, TrainingDynamicsDisplay


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
    line = display.lines_["dsmi"]["all"]
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


def test_each_measure_may_have_a_unit_of_its_own():
    display = TrainingDynamicsDisplay.from_frame(
        one_layer(), measures=["dse", "dsmi", "accuracy"], unit={"dsmi": "share"}
    )
    labels = [ax.get_ylabel() for ax in display.axes_]
    assert labels == ["DSE [bits]", "DSMI(Z;Y) [share]", "accuracy"]
    frame = display.frame()
    units = dict(zip(frame.measure, frame.unit, strict=True))
    assert units == {"dse": "bits", "dsmi": "share", "accuracy": ""}
