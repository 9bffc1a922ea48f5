"""The entropy at times from the shortest to the longest: no NaN, and the limit."""

from itertools import product

import numpy as np
import pytest
from affinities import gaussian_affinity, neighbors_affinity, operator_of
from hypothesis import example, given, settings
from hypothesis import strategies as st

from skdse import DiffusionSpectralEntropy
from skdse._spectra.bandwidth import fit_bandwidth
from skdse._spectra.solvers import solve
from skdse._spectra.spectrum import Spectrum

# Filters turn every RuntimeWarning of an overflow or a 0/0 into an error.
LONG = [1e3, 1e4, 1e8, 1e17, 1e300]
SOLVERS = ["dense", "arpack", "lanczos"]
times = st.floats(-3, 300).map(lambda exponent: 10.0**exponent)


def known(values, n_known=None):
    """Spectrum of which the n_known eigenvalues of largest modulus are known."""
    ordered = np.array(sorted(values, key=abs, reverse=True), dtype=float)
    n_known = len(ordered) if n_known is None else n_known
    return Spectrum(
        ordered[:n_known],
        len(ordered),
        ordered.sum(),
        np.square(ordered).sum(),
        bool(ordered.min() >= 0),
        abs(ordered[n_known]) if n_known < len(ordered) else 0.0,
    )


# By hand
# -------


@pytest.mark.parametrize("t", LONG)
@pytest.mark.parametrize("copies", [1, 2, 3, 8])
@pytest.mark.parametrize("rounding", [0.0, -1e-16, -9e-16, 4e-16])
def test_limit_is_the_multiplicity_of_the_largest_eigenvalue(t, copies, rounding):
    ones = 1 + rounding * (np.arange(copies) % 3)
    estimate = known([*ones, 0.5, -0.4, *np.zeros(20)]).entropy(t)
    assert estimate.value == pytest.approx(np.log2(copies), abs=1e-12)
    # Of the copies one is not known: it counts, or it does not.
    partial = known([*ones, 0.5, *np.zeros(20)], max(copies - 1, 1)).entropy(t)
    assert 0 <= partial.lower <= np.log2(copies) + 1e-12
    assert partial.upper >= np.log2(copies) - 1e-12


@pytest.mark.parametrize("t", LONG)
def test_largest_eigenvalue_need_not_be_one(t):
    assert known([0.3, -0.3, 0.1]).entropy(t).value == pytest.approx(1, abs=1e-12)
    assert known([2.0, 2.0, 0.1], 2).entropy(t)[:4] == pytest.approx((1, 0, 1, 1))


def test_what_is_below_one_by_more_than_rounding_fades():
    # (1 - 1e-6)^1e6 = 1/e, to the power of 10 it is 4.5e-5.
    def entropy(p):
        return -p * np.log2(p) - (1 - p) * np.log2(1 - p)

    spectrum = known([1, 1 - 1e-6, 0.2])
    for t, w in ((1e6, np.exp(-1)), (1e7, np.exp(-10))):
        expected = entropy(w / (1 + w))
        assert spectrum.entropy(t).value == pytest.approx(expected, rel=1e-4)
    assert spectrum.entropy(1e300).value == 0


def test_zero_eigenvalues_do_not_count_at_the_shortest_time():
    assert known([1, *[1e-17] * 30]).entropy(1e-3).value == 0
    # 0.5^0.001 is 0.9993.
    assert known([1, 0.5, *[1e-17] * 30]).entropy(1e-3).value == pytest.approx(1)


@settings(max_examples=300, deadline=None)
@given(
    values=st.lists(st.floats(-1, 1, allow_subnormal=False), max_size=40),
    near=st.lists(st.floats(-18, -1), max_size=4),
    share=st.floats(0.01, 0.99),
    t=times,
    power=st.sampled_from([1, 7, 40]),
    negative=st.booleans(),
)
@example([0.5], [], 0.9, 1e300, 1, False)
@example([], [-16.0, -16.0], 0.5, 1e300, 1, False)
def test_interval_of_part_of_a_spectrum_contains_that_of_all(
    values, near, share, t, power, negative
):
    values = np.array(values, dtype=float)
    sign = np.where((values < 0) & negative, -1, 1)
    close = 1 - 10.0 ** np.array(near, dtype=float)  # eigenvalues near 1
    values = np.concatenate([sign * np.abs(values) ** power, close, [1.0, 0.0]])
    exact = known(values).entropy(t)
    partial = known(values, max(1, int(share * len(values)))).entropy(t)
    assert partial.lower - 1e-9 <= exact.value <= partial.upper + 1e-9
    assert 0 <= partial.lower <= partial.value <= partial.upper
    assert 0 <= exact.value <= np.log2(len(values))


def test_what_is_one_up_to_its_error_counts_as_one_at_the_longest_times():
    # Two components, by float32: the errors of its eigenvalues reach some 3e-8 times 4.
    values = np.array([1.0, 1 - 9e-8, 0.5, 0.0])
    moments = values.sum(), np.square(values).sum()
    spectrum = Spectrum(values, 4, *moments, True, eigenvalue_error=3e-8)
    assert spectrum.entropy(1e300).value == pytest.approx(1, abs=1e-12)
    # By float64 it is no component, and fades.
    exact = Spectrum(values, 4, *moments, True)
    assert exact.entropy(1e300).value == 0


@pytest.mark.parametrize(
    "points",
    [
        [48, 11, 28, 48, 44, 30, 39, 39, 7, 0, 17],
        [13, 13, 15, 13, 4, 21, 18, 13, 13, 18, 13],
        [2, 12, 21, 39, 4, 39, 31, 16, 4, 16],
    ],
)
def test_what_is_known_may_leave_no_room_for_probes(points):
    # Of copies float32 makes directions of their own: all are taken before the last
    # eigenvalue is known.
    X = np.reshape(points, (-1, 1))
    params = {"affinity": "nearest_neighbors", "bandwidth": "median"}
    dense = DiffusionSpectralEntropy(eigen_solver="dense", **params).fit(X)
    dse = DiffusionSpectralEntropy(eigen_solver="lanczos", random_state=0, **params)
    error = 4 * dse.fit(X).entropy_std_error_ + 1e-5
    assert dse.entropy_ == pytest.approx(dense.entropy_, abs=error)


# Solvers
# -------


def operator(shape, n, kind, seed):
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, 3))
    if shape == "clusters":  # far apart: the eigenvalue 1 is repeated
        X += 1e4 * (np.arange(n) % 3)[:, None]
    if shape == "flat":  # half of the eigenvalues of a wide Gaussian are 0
        X = X[:, :2]
    if shape == "pair":  # near: one eigenvalue is close to 1
        X[:, 0] += 12.0 * (np.arange(n) % 2)
    sigma = fit_bandwidth(X, "adaptive").sigma
    if kind == "graph":
        return operator_of(neighbors_affinity(X, 8, sigma))
    if kind == "semidefinite":
        sigma = np.median(sigma)
        if shape == "flat":
            sigma = fit_bandwidth(X, "median").sigma
    return operator_of(
        gaussian_affinity(X, sigma), positive_semidefinite=kind == "semidefinite"
    )


@settings(max_examples=60, deadline=None)
@given(
    shape=st.sampled_from(["one", "clusters", "pair"]),
    kind=st.sampled_from(["semidefinite", "adaptive", "graph"]),
    n=st.integers(30, 150),
    t=times,
    late=st.integers(0, 20),
    seed=st.integers(0, 100),
)
@example("one", "semidefinite", 100, 1e3, 0, 0)
@example("clusters", "semidefinite", 100, 1e300, 0, 0)
def test_intervals_of_all_solvers_contain_the_dense_value(
    shape, kind, n, t, late, seed
):
    S = operator(shape, n, kind, seed)
    # Most of the times drawn are past the last change.
    for time in (t, 10.0 ** (late - 3)):
        exact = solve(S, "dense").entropy(time)
        assert exact.lower == exact.value == exact.upper
        arpack = solve(S, "arpack", n_components=8, random_state=seed).entropy(time)
        assert arpack.lower - 1e-9 <= exact.value <= arpack.upper + 1e-9


@pytest.mark.parametrize(
    ("shape", "kind"),
    [
        *product(["one", "clusters", "pair", "flat"], ["semidefinite", "adaptive"]),
        ("clusters", "graph"),  # takes some seconds
    ],
)
def test_standard_error_of_lanczos_covers_the_dense_value(shape, kind):
    S = operator(shape, 60 if kind == "graph" else 150, kind, 0)
    exact, density = solve(S, "dense"), solve(S, "lanczos", random_state=0)
    for t in 10.0 ** np.concatenate([np.arange(-3, 12), [17, 300]]):
        estimate = density.entropy(t)
        gap = abs(estimate.value - exact.entropy(t).value)
        assert gap <= 4 * estimate.std_error + 2e-5, t
        assert 0 <= estimate.lower <= estimate.value <= estimate.upper


@pytest.mark.parametrize("solver", SOLVERS)
def test_estimator_at_any_time(solver):
    X = np.random.default_rng(0).normal(size=(300, 5))
    dse = DiffusionSpectralEntropy(eigen_solver=solver, t=1e3, random_state=0).fit(X)
    assert dse.entropy_ == pytest.approx(0, abs=1e-5)
    assert np.all(np.isfinite(dse.entropy_interval_))
    assert dse.entropy_curve(LONG) == pytest.approx(np.zeros(5), abs=1e-5)
    curve = dse.entropy_curve(np.logspace(-3, 300, 60))
    assert np.all(np.isfinite(curve))
    assert dse.entropy_curve([1e-3])[0] <= np.log2(300)


@pytest.mark.parametrize("solver", SOLVERS)
@pytest.mark.parametrize("affinity", ["gaussian", "nearest_neighbors"])
def test_far_clusters_are_what_is_left(solver, affinity):
    X = np.random.default_rng(0).normal(size=(80, 3))
    X += 1e4 * (np.arange(80) % 4)[:, None]
    dse = DiffusionSpectralEntropy(
        affinity=affinity, bandwidth="adaptive", eigen_solver=solver, random_state=0
    ).fit(X)
    last = dse.spectrum_.entropy(1e300)
    assert last.value == pytest.approx(2, abs=max(1e-9, 4 * last.std_error))
