"""Equal rows are at distance 0 from each other, whatever the metric."""

import re
import warnings

import numpy as np
import pytest
from medians import median_distance
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.metrics import pairwise_distances

from skdse import (
    AdjacencySpectralEntropy,
    DiffusionSpectralEntropy,
    DiffusionSpectralMI,
    MatrixEntryEntropy,
)
from skdse._spectra.bandwidth import MEDIAN_ALL_PAIRS
from skdse._spectra.distances import distances, distances_of_pairs, distinct_rows
from skdse._spectra.neighbors import NeighborIndex

NO_DIRECTION = {"cosine": "rows of zeros", "correlation": "constant rows"}
pytestmark = pytest.mark.filterwarnings("ignore:Data was converted to boolean")


def unlike(x, y):
    """A metric that says 1 of equal rows, too."""
    return 1.0 + np.abs(x - y).sum()


def dead(n_dead, n_alive=5, constant=0.0, d=16):
    """Samples most of which have no direction."""
    X = np.full((n_dead + n_alive, d), constant)
    X[:n_alive] = np.random.default_rng(0).normal(size=(n_alive, d))
    return X


def message(X, metric, n_null):
    return re.escape(
        f"{n_null} of {len(X)} samples are {NO_DIRECTION[metric]}, which have no "
        f"direction by metric={metric!r}: they are taken to be at distance 0 from each "
        "other and 1 from all others. Leave them out, or use another metric such as "
        "'euclidean'."
    )


METRICS = [
    "euclidean", "cosine", "correlation", "braycurtis", "dice", "russellrao",
    "sokalsneath", "jaccard", "canberra", "cityblock", unlike,
]  # fmt: skip


@pytest.mark.parametrize("metric", METRICS)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_equal_rows_are_at_distance_zero(metric, dtype):
    X = np.abs(dead(4, 6, d=5)).astype(dtype)
    X[3] = X[0]
    X[5] = -0.0
    D = distances(X, metric=metric)
    assert_allclose(D, distances(X, X.copy(), metric), atol=1e-6)
    equal = (X[:, None] == X).all(axis=2)
    assert_allclose(D[equal], 0, atol=1e-6)
    assert np.all(np.isfinite(D))
    # Others are as they were, but for 0/0.
    with np.errstate(invalid="ignore"):
        given = pairwise_distances(X, metric=metric)
    kept = ~equal & np.isfinite(given)
    assert_allclose(D[kept], given[kept], rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("metric", ["cosine", "correlation"])
def test_rows_without_direction_are_at_distance_one_from_others(metric):
    X = dead(3, 4)
    if metric == "correlation":
        X[4:] += [[0.1], [0.7], [1e9]]  # constant, but not equal
    D = distances(X, metric=metric)
    assert_array_equal(D[4:, 4:], 0)
    assert_array_equal(D[4:, :4], 1)
    assert_allclose(D[:4, :4], pairwise_distances(X[:4], metric=metric), atol=1e-14)
    assert_array_equal(distances(X[3:], X, metric)[0, 4:], 1)


def test_pairs_agree_with_all_distances():
    X = dead(40, 40)
    rng = np.random.default_rng(1)
    i, j = rng.integers(80, size=(2, 300))
    for metric in ("cosine", "euclidean", unlike):
        expected = distances(X, metric=metric)[i, j]
        found = distances_of_pairs(X[i], X[j], metric)
        assert_allclose(found, expected, atol=1e-12)


def test_sampled_median_sees_rows_without_direction():
    X = dead(MEDIAN_ALL_PAIRS, MEDIAN_ALL_PAIRS // 2)
    # Most pairs are of two dead rows, or of one: at 0 and 1.
    with_few = X[: len(X) - 1500]
    assert median_distance(with_few, "cosine", 0) == pytest.approx(1, abs=0.01)


@pytest.mark.parametrize("metric", ["cosine", "correlation"])
@pytest.mark.parametrize("constant", [0.0, 0.1])
def test_neighbors_of_rows_without_direction(metric, constant):
    X = dead(3, 6, constant)
    D = distances(X, metric=metric)
    index = NeighborIndex(X, metric, 5)
    expected = np.sort(D + np.diag(np.full(9, -1.0)), axis=1)[:, 1:6]
    found, indices = index.kneighbors(5)
    assert_allclose(found, expected, atol=1e-12)
    assert_allclose(np.take_along_axis(D, indices, axis=1), found, atol=1e-12)
    assert not (indices == np.arange(9)[:, None]).any()
    assert_allclose(index.query(X, 5), expected, atol=1e-12)
    # Fitted without any: all distances are 1.
    alive = NeighborIndex(X[:6], metric, 4)
    expected = np.ones((3, 4)) if constant == 0 or metric == "correlation" else None
    if expected is not None:
        assert_allclose(alive.query(X[6:], 4), expected, rtol=1e-14)


# Estimators
# ----------


@pytest.mark.filterwarnings("ignore:495 of 500 samples")
@pytest.mark.parametrize("solver", ["dense", "lanczos"])
@pytest.mark.parametrize("affinity", ["gaussian", "nearest_neighbors"])
@pytest.mark.parametrize("bandwidth", ["auto", "median", "knn", "adaptive", 0.2])
@pytest.mark.parametrize("metric", ["cosine", "correlation"])
def test_dead_samples_are_one_point(metric, bandwidth, affinity, solver):
    # Rows of a direction that is orthogonal to all others are what they stand for.
    X = dead(495)
    proxy = np.zeros((500, 34))
    centred = X[:5] - X[:5].mean(axis=1)[:, None] * (metric == "correlation")
    # Of the correlation: with the opposite of each, the mean is 0 in any case.
    proxy[:5, :16], proxy[:5, 16:32] = centred, -centred
    proxy[5:, 32:] = 1, -1
    params = {"affinity": affinity, "bandwidth": bandwidth, "metric": metric}
    dse = DiffusionSpectralEntropy(**params, eigen_solver=solver, random_state=0)
    expected = DiffusionSpectralEntropy(**params).fit(proxy).entropy_
    tol = 5e-3 if solver == "lanczos" else 1e-9
    assert dse.fit(X).entropy_ == pytest.approx(expected, abs=tol)
    assert dse.entropy_ < np.log2(6) + 1e-4
    assert dse.score(X) == pytest.approx(dse.entropy_, abs=1e-9)


@pytest.mark.filterwarnings("ignore:49. of ")
@pytest.mark.parametrize("bandwidth", ["auto", "adaptive"])
def test_labels_say_nothing_of_dead_samples(bandwidth):
    # Ten groups of 50, of which nine are dead alike.
    X, y = dead(495), np.arange(500) // 50
    dse = DiffusionSpectralEntropy(metric="cosine", bandwidth=bandwidth)
    dsmi = DiffusionSpectralMI(dse, random_state=0).fit(X, y)
    assert_allclose(dsmi.group_entropies_[1:], 0, atol=1e-9)
    assert abs(dsmi.mutual_info_) < 0.2  # 2.0 with dead rows apart
    assert dsmi.fit(X[5:], y[5:]).mutual_info_ == 0


@pytest.mark.parametrize("metric", ["cosine", "correlation"])
@pytest.mark.parametrize(
    "make",
    [
        lambda metric: DiffusionSpectralEntropy(metric=metric),
        lambda metric: DiffusionSpectralMI(DiffusionSpectralEntropy(metric=metric)),
        lambda metric: MatrixEntryEntropy(metric=metric),
        lambda metric: AdjacencySpectralEntropy(metric=metric),
    ],
)
def test_rows_without_direction_are_counted_in_a_warning(make, metric):
    X, y = dead(3, 20), np.arange(23) % 2
    for call in (make(metric).fit, make(metric).fit(X[:20], y[:20]).score):
        with pytest.warns(UserWarning, match=message(X, metric, 3)) as caught:
            call(X, y)
        assert [warning.filename for warning in caught] == [__file__]


def test_no_warning_where_rows_have_directions_or_need_none():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        DiffusionSpectralEntropy(metric="cosine").fit(dead(0, 20))
        DiffusionSpectralEntropy().fit(dead(3, 20))
        DiffusionSpectralEntropy(affinity=lambda X: X @ X.T + 9, metric="cosine").fit(
            np.eye(9, 5)
        )


# Equal rows
# ----------


def test_distinct_rows_by_hand():
    X = np.array([[1.0, 2.0], [0.0, 5.0], [1.0, 2.0], [-0.0, 5.0], [2.0, 1.0]])
    first, number = distinct_rows(X)
    assert_array_equal(first, [0, 1, 4])
    assert_array_equal(number, [0, 1, 0, 1, 2])


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("d", [1, 3, 40])
def test_distinct_rows_of_small_integers(d, dtype):
    # Their bits have much in common, and rows are permutations of others.
    X = np.random.default_rng(0).integers(3, size=(2000, d)).astype(dtype)
    X = np.asfortranarray(np.vstack([X, X[::-1]]))
    first, number = distinct_rows(X)
    assert len(first) == len(np.unique(X, axis=0))
    assert_array_equal(X[first[number]], X)


def test_codes_that_agree_by_chance_are_told_apart(monkeypatch):
    from skdse._spectra import distances as module

    monkeypatch.setattr(module, "row_codes", lambda X: np.zeros(len(X), np.uint64))
    first, number = distinct_rows(np.array([[3.0], [1.0], [3.0]]))
    assert_array_equal(first, [0, 1])
    assert_array_equal(number, [0, 1, 0])
