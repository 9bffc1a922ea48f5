"""Any finite numbers: the entropy of the definitions, within the error that is stated.

Samples at scales from 1e-300 to 1e300, with offsets, constant features, outliers,
copies and rows of zeros, by metric, affinity, solver and time. EXAMPLES says how many
are drawn. Warnings of NumPy are errors.
"""

import os
import warnings

import numpy as np
import pytest
from dense_oracle import METRICS, Oracle, eigenvalues, entropy
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from skdse import DiffusionSpectralEntropy, DiffusionSpectralMI

N_EXAMPLES = int(os.environ.get("EXAMPLES", "300"))
ANGLES = ("cosine", "correlation")
SPOILS = ("offset", "constant", "outlier", "copies", "zeros")
# Decimal exponents that leave room for a factor of a hundred or so.
EXPONENTS = {np.float32: (-35, 34), np.float64: (-300, 300)}
# What the affinity is rounded to, see the estimators.
ROUNDING = {np.float32: 2e-6, np.float64: 1e-12}


def cluster_points(rng, n, d):
    """A few clusters."""
    return 4 * rng.normal(size=(3, d))[np.arange(n) % 3] + rng.normal(size=(n, d))


KINDS = {
    "normal": lambda rng, n, d: rng.normal(size=(n, d)),
    "clusters": cluster_points,
    "whole": lambda rng, n, d: rng.integers(-3, 4, size=(n, d)).astype(float),
    "heavy": lambda rng, n, d: rng.standard_cauchy(size=(n, d)),
}


def spoiled(X, rng, spoil, power):
    """Samples with what makes numbers go wrong, 10**power large, at a few places."""
    n, d = X.shape
    if spoil == "offset":
        return X + 10.0**power * rng.normal(size=d)
    if spoil == "constant":
        return np.column_stack([X, np.full(n, -(10.0**power))])
    if spoil == "outlier":
        X[rng.integers(n), rng.integers(d)] = 10.0**power
    if spoil == "copies":
        X[rng.integers(n, size=n // 2)] = X[rng.integers(n, size=n // 2)]
    if spoil == "zeros":
        X[rng.integers(n, size=1 + n // 4)] = 0
    return X


@st.composite
def samples(draw, dtype, n_least=2, n_most=40):
    """Finite samples of this type."""
    rng = np.random.default_rng(draw(st.integers(0, 10**6)))
    n, d = draw(st.integers(n_least, n_most)), draw(st.integers(1, 6))
    X = KINDS[draw(st.sampled_from(sorted(KINDS)))](rng, n, d)
    for spoil in draw(st.lists(st.sampled_from(SPOILS), max_size=3)):
        X = spoiled(X, rng, spoil, draw(st.integers(0, 20)))
    low, high = EXPONENTS[dtype]
    exponent = draw(st.one_of(st.just(0), st.integers(low, high)))
    with np.errstate(over="ignore", under="ignore"):
        X = (X * 10.0**exponent).astype(dtype)
    assume(np.isfinite(X).all())
    return X


dtypes = st.sampled_from([np.float32, np.float64])
times = st.one_of(
    st.sampled_from([1e-3, 0.5, 1, 2, 10, 1e300]),
    st.floats(-3, 300).map(lambda power: 10.0**power),
)


def affinity_of(oracle, affinity, rule, metric):
    """Affinity by the definitions."""
    if affinity == "gaussian":
        return oracle.gaussian(rule, is_gibbs=metric == "euclidean")
    if affinity == "laplacian":
        return oracle.laplacian(rule)
    return oracle.graph(15, rule)


def fitted(dse, X, y=None):
    """The estimator, fitted: warnings of skdse are no matter, those of NumPy errors."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        return dse.fit(X, y)


def bounds(G, alpha, t, rounding):
    """Least and largest entropy, whatever rounding makes of an eigenvalue.

    Those near 0 may count as 0, or as what rounding lifts them to; those near the
    largest may be equal to it.
    """
    moduli = eigenvalues(G, alpha)
    largest, found = moduli.max(), []
    for share in (1e-16, 1e-15, 1e-14, 1e-13, 0.1 * rounding, rounding, 10 * rounding):
        near = moduli > (1 - share) * largest
        joined = np.where(near, largest, moduli)
        lifted = np.maximum(joined, share * largest)
        found += [entropy(one, t, share * largest) for one in (moduli, joined)]
        found += [entropy(one, t) for one in (lifted, joined)]
    return min(found), max(found)


def is_resolved(D, metric, dtype):
    """Whether all angles are 0, or above what is taken for rounding.

    Directions are in float64: angles of 1e-9 have seven digits there.
    """
    if metric not in ANGLES:
        return True
    own, single = (float(np.finfo(kind).eps) for kind in (dtype, np.float64))
    least = max((50 * own) ** 2, (5e6 * single) ** 2)
    return not np.any((D > 0) & (D < least))


@settings(
    max_examples=N_EXAMPLES, deadline=None, suppress_health_check=list(HealthCheck)
)
@given(
    data=st.data(),
    dtype=dtypes,
    affinity=st.sampled_from(["gaussian", "laplacian", "nearest_neighbors"]),
    metric=st.sampled_from(sorted(METRICS)),
    rule=st.sampled_from(["median", "knn", "adaptive"]),
    solver=st.sampled_from(["auto", "dense", "dense32", "arpack", "lanczos"]),
    alpha=st.sampled_from([0, 0.5, 1]),
    t=times,
)
def test_entropy_is_that_of_the_definitions(
    data, dtype, affinity, metric, rule, solver, alpha, t
):
    X = data.draw(samples(dtype))
    metric = "manhattan" if affinity == "laplacian" else metric
    dse = DiffusionSpectralEntropy(
        affinity=affinity,
        metric="euclidean" if affinity == "laplacian" else metric,
        bandwidth=rule,
        eigen_solver=solver,
        n_components=3 if solver == "arpack" else None,
        alpha=alpha,
        t=t,
        random_state=0,
    )
    fitted(dse, X)
    oracle = Oracle(METRICS[metric](X.astype(np.float64)))
    n_distinct = len(np.unique(X, axis=0))
    lower, upper = dse.entropy_interval_
    assert 0 <= lower <= dse.entropy_ <= upper <= np.log2(len(X)) + 1e-12
    if affinity == "nearest_neighbors":
        most = np.log2(n_distinct) + 5 * dse.entropy_std_error_ + 1e-6
        assert (lower if solver == "arpack" else dse.entropy_) <= most
        assume(n_distinct == len(X) and not oracle.has_ties(15, 1e-5))
    assume(is_resolved(oracle.D, metric, dtype))
    if not oracle.D.any():
        assert dse.entropy_ == 0
        return
    is_rounded = dtype == np.float32 or solver in ("dense32", "lanczos")
    rounding = ROUNDING[np.float32 if is_rounded else np.float64]
    G = affinity_of(oracle, affinity, rule, metric)
    least, most = bounds(G, alpha, t, rounding)
    digits = 1e-4 if is_rounded else 1e-6 if metric in ANGLES else 1e-7
    error = 5 * dse.entropy_std_error_ + digits
    if solver == "arpack":
        assert lower - error <= most and least <= upper + error
    else:
        assert least - error <= dse.entropy_ <= most + error


@settings(
    max_examples=N_EXAMPLES // 3, deadline=None, suppress_health_check=list(HealthCheck)
)
@given(
    data=st.data(),
    dtype=dtypes,
    power=st.integers(-900, 900),
    affinity=st.sampled_from(["gaussian", "laplacian", "nearest_neighbors"]),
    t=times,
)
def test_mutual_information_does_not_depend_on_the_unit(
    data, dtype, power, affinity, t
):
    X = data.draw(samples(dtype, n_least=12))
    with np.errstate(over="ignore", under="ignore"):
        moved = np.ldexp(X, power)
        assume(np.isfinite(moved).all() and np.array_equal(np.ldexp(moved, -power), X))
    y = np.arange(len(X)) % 3
    dse = DiffusionSpectralEntropy(affinity=affinity, bandwidth="adaptive", t=t)
    dsmi = DiffusionSpectralMI(dse, random_state=0)
    here, there = (fitted(dsmi, one, y).mutual_info_ for one in (X, moved))
    assert np.isfinite(here)
    assert there == pytest.approx(here, abs=1e-6 if dtype == np.float64 else 1e-3)
