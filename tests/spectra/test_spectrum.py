"""Entropy of a spectrum, complete or not."""

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from skdse._spectra.spectrum import Spectrum, knee_time, shannon_entropy

TIMES = [0.3, 0.5, 1, 1.5, 2, 3, 7, 20]


def spectrum(eigenvalues, n_known=None, positive_semidefinite=None):
    """Spectrum of which the n_known eigenvalues of largest modulus are known."""
    ordered = np.array(sorted(eigenvalues, key=abs, reverse=True), dtype=float)
    n_known = len(ordered) if n_known is None else n_known
    if positive_semidefinite is None:
        positive_semidefinite = bool(ordered.min() >= 0)
    return Spectrum(
        ordered[:n_known],
        len(ordered),
        ordered.sum(),
        (ordered**2).sum(),
        positive_semidefinite,
        abs(ordered[n_known]) if n_known < len(ordered) else 0.0,
    )


def test_shannon_entropy_by_hand():
    # 1/2, 1/4, 1/4: 1/2·1 + 2·1/4·2 = 1.5 bits.
    assert shannon_entropy([2.0, 1.0, 1.0, 0.0]) == pytest.approx(1.5, abs=1e-15)


@pytest.mark.parametrize("t", TIMES)
def test_equal_eigenvalues_have_log2_n(t):
    assert spectrum(np.ones(12)).entropy(t).value == pytest.approx(np.log2(12))


@pytest.mark.parametrize("t", TIMES)
def test_one_state_has_no_entropy(t):
    estimate = Spectrum.of_identical_samples(9).entropy(t)
    assert estimate[:4] == (0, 0, 0, 0)


@pytest.mark.parametrize("t", TIMES)
def test_two_eigenvalues_by_hand(t):
    # p = 1/(1 + λ^t), binary entropy.
    p = 1 / (1 + 0.3**t)
    expected = -p * np.log2(p) - (1 - p) * np.log2(1 - p)
    assert spectrum([1, 0.3]).entropy(t).value == pytest.approx(expected)
    assert spectrum([1, -0.3]).entropy(t).value == pytest.approx(expected)


def test_rounding_of_zero_eigenvalues_is_not_counted():
    # At t = 0.1 an eigenvalue of 1e-17 would weigh 0.02.
    noisy = spectrum([1, 0.5, *[1e-17] * 500])
    assert noisy.entropy(0.1).value == pytest.approx(
        spectrum([1, 0.5]).entropy(0.1).value
    )


eigenvalue = st.floats(-1, 1, allow_subnormal=False)
kinds = {
    "flat": lambda u: u,
    "decaying": lambda u: u**7,
    "steep": lambda u: u**40,
}


@settings(max_examples=300, deadline=None)
@given(
    values=st.lists(eigenvalue, min_size=2, max_size=60),
    share=st.floats(0.01, 0.99),
    t=st.sampled_from(TIMES) | st.floats(0.1, 30),
    kind=st.sampled_from(sorted(kinds)),
    negative=st.booleans(),
)
@example(values=[0.421875, 0.421875], share=0.5, t=0.3, kind="steep", negative=False)
def test_interval_contains_the_entropy(values, share, t, kind, negative):
    values = np.array(values)
    sign = np.where((values < 0) & negative, -1, 1)
    values = np.append(sign * kinds[kind](np.abs(values)), 1.0)
    n_known = max(1, int(share * len(values)))
    exact = spectrum(values).entropy(t).value
    partial = spectrum(values, n_known).entropy(t)
    assert partial.lower - 1e-9 <= exact <= partial.upper + 1e-9
    assert 0 <= partial.lower <= partial.value <= partial.upper
    assert partial.upper <= np.log2(len(values)) + 1e-12


@pytest.mark.parametrize("t", TIMES)
@pytest.mark.parametrize("negative", [False, True])
def test_interval_closes_as_more_is_known(t, negative):
    values = 0.9 ** np.arange(80) * np.where(np.arange(80) % 3 == 2, -1, 1) ** negative
    widths = [
        np.subtract(*spectrum(values, k).entropy(t)[3:1:-1])
        for k in (5, 20, 40, 60, 79)
    ]
    assert np.all(np.diff(widths) <= 1e-9)
    assert widths[-1] < 1e-2 * max(widths[0], 1e-2)


def test_moments_narrow_the_interval_at_time_one():
    # Without negative eigenvalues the tail's mass is known exactly at t = 1.
    values = 0.8 ** np.arange(60)
    informed = spectrum(values, 10, True).entropy(1)
    blind = spectrum(values, 10, False).entropy(1)
    assert informed.upper - informed.lower < 0.5 * (blind.upper - blind.lower)


def test_standard_error_is_that_of_a_uniform_in_the_interval():
    estimate = spectrum(0.8 ** np.arange(60), 10).entropy(1)
    assert estimate.std_error == pytest.approx(
        (estimate.upper - estimate.lower) / np.sqrt(12)
    )
    assert estimate.value == pytest.approx((estimate.upper + estimate.lower) / 2)


@pytest.mark.parametrize(
    ("eigenvalues", "saturation"),
    [
        ([1, 0.99, 0.99, 0.98], "isolated"),
        ([1, 0.5, 0.4, 0.1], ""),
        ([1, 0.001, 0.001, 0.001], "uniform"),
        ([1, 0, 0, 0], ""),
        ([1], ""),
    ],
)
def test_saturation(eigenvalues, saturation):
    assert spectrum(eigenvalues).entropy(1).saturation == saturation


def test_no_isolation_after_a_long_time():
    # 1 % a step is much in 100 steps.
    assert spectrum([1, 0.99, 0.99, 0.98]).entropy(100).saturation == ""


def test_knee_by_hand():
    # Times 1, 2, 3 of a curve that falls at once: 2 is farthest below the chord.
    assert knee_time(spectrum([1, *[0.01] * 20]), times=np.array([1, 2, 3])) == 2


def test_knee_of_a_flat_curve_is_the_first_time():
    assert knee_time(spectrum(np.ones(5))) == 1


def test_share_of_an_entropy():
    estimate = spectrum(np.ones(4)).entropy(1)
    assert estimate.divided_by(2.0)[:4] == (1, 0, 1, 1)
    assert estimate.divided_by(0.0)[:4] == (0, 0, 0, 0)
