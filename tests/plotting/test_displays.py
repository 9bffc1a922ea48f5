"""What all displays share."""

import inspect
import subprocess
import sys

import matplotlib.pyplot as plt
import pytest
from drawings import RECORDS
from matplotlib.colors import to_rgba
from sklearn.exceptions import NotFittedError

from skdse import DiffusionSpectralEntropy, ShannonEntropy
from skdse.plotting import (
    EntropyCurveDisplay,
    LayerProfileDisplay,
    MutualInfoDisplay,
    SpectrumDisplay,
    TrainingDynamicsDisplay,
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
