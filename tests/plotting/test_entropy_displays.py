"""Spectrum and entropy curve: what is drawn is what was measured."""

import numpy as np
import pytest
from drawings import vertices

from skdse import DiffusionSpectralEntropy
from skdse.plotting import EntropyCurveDisplay, SpectrumDisplay

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
    _, lower, upper, _ = some.spectrum_.rest()
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
    rest = arpack.spectrum_.rest()
    np.testing.assert_allclose(upper, rest.upper)
    np.testing.assert_allclose(lower, rest.lower, atol=1e-300)
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
