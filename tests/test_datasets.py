"""Data sets have the structure that they state."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.metrics import pairwise_distances
from sklearn.neighbors import NearestNeighbors

from skdse.datasets import corrupt_labels, make_manifold, make_tree

KINDS = {"normal": 3, "sphere": 4, "swiss_roll": 4, "torus": 6, "uniform": 3}


def _two_nearest_dimension(X):
    """Intrinsic dimension by the ratio of the first two neighbour distances.

    Locally uniform data of dimension d have P(r2 / r1 > m) = m**-d, so that the
    maximum-likelihood estimate is n / Σ log(r2 / r1) (Facco et al. 2017), of a
    relative standard error of 1 / √n.
    """
    distances, _ = NearestNeighbors(n_neighbors=2).fit(X).kneighbors()
    return len(X) / np.log(distances[:, 1] / distances[:, 0]).sum()


# Trees


def test_tree_has_branches_of_equal_size():
    X, y = make_tree(503, 5, n_features=7, random_state=0)
    assert X.shape == (503, 7)
    assert_array_equal(np.bincount(y), [101, 101, 101, 100, 100])
    assert_array_equal(y, np.sort(y))


def test_tree_is_walks_that_start_on_those_before():
    X, y = make_tree(2000, 4, n_features=3, random_state=0)
    inside = np.diff(y) == 0
    steps = np.diff(X, axis=0)[inside]
    assert np.abs(steps).max() <= 1
    # U(-1, 1) has variance 1/3 and E x⁴ = 1/5: a standard error of (4/45 / 5988)^½.
    assert steps.var() == pytest.approx(1 / 3, abs=4 * np.sqrt(4 / 45 / steps.size))
    assert np.abs(X[0]).max() <= 1
    for branch in range(1, 4):
        first = X[np.argmax(y == branch)]
        assert np.abs(X[y < branch] - first).max(axis=1).min() <= 1


def test_later_branches_start_anywhere_on_earlier_ones():
    starts = set()
    for seed in range(20):
        X, y = make_tree(40, 2, n_features=20, random_state=seed)
        nearest = pairwise_distances(X[y == 1][:1], X[y == 0], metric="chebyshev")
        assert nearest.min() <= 1
        starts.add(int(nearest.argmin()))
    assert len(starts) > 8


# Manifolds


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("rotate", [False, True])
def test_manifold_has_its_intrinsic_dimension(kind, rotate):
    X = make_manifold(
        kind, 4000, intrinsic_dim=3, n_features=10, rotate=rotate, random_state=0
    )
    assert X.shape == (4000, 10)
    # Six standard errors, and the bias of edges and curvature at this density.
    assert _two_nearest_dimension(X) == pytest.approx(3, rel=0.1)


@pytest.mark.parametrize("kind", KINDS)
def test_coordinates_beyond_the_manifold_are_zero(kind):
    alone = make_manifold(kind, 50, intrinsic_dim=3, random_state=0)
    assert alone.shape == (50, KINDS[kind])
    X = make_manifold(kind, 50, intrinsic_dim=3, n_features=9, random_state=0)
    assert_array_equal(X[:, : KINDS[kind]], alone)
    assert_array_equal(X[:, KINDS[kind] :], 0)


@pytest.mark.parametrize("kind", KINDS)
def test_rotation_keeps_distances_and_fills_all_coordinates(kind):
    X = make_manifold(kind, 50, intrinsic_dim=3, random_state=0)
    Z = make_manifold(
        kind, 50, intrinsic_dim=3, n_features=9, rotate=True, random_state=0
    )
    assert_allclose(pairwise_distances(X), pairwise_distances(Z), atol=1e-12)
    assert (np.abs(Z).max(axis=0) > 0.01).all()


def test_manifolds_are_those_of_the_docstring():
    def draw(kind):
        return make_manifold(kind, 2000, intrinsic_dim=2, random_state=0)

    uniform, normal = draw("uniform"), draw("normal")
    assert np.abs(uniform).max() <= 1
    assert uniform.var() == pytest.approx(1 / 3, rel=0.05)
    assert normal.var() == pytest.approx(1, rel=0.1)
    assert np.square(draw("sphere")).sum(axis=1) == pytest.approx(1)
    torus = draw("torus")
    assert torus[:, :2] ** 2 + torus[:, 2:] ** 2 == pytest.approx(1)
    roll = draw("swiss_roll")
    radius = np.hypot(roll[:, 0], roll[:, 1])
    angle = radius * 4.5 * np.pi
    assert_allclose(roll[:, 0], radius * np.cos(angle), atol=1e-9)
    assert_allclose(roll[:, 1], radius * np.sin(angle), atol=1e-9)
    assert radius.min() == pytest.approx(1 / 3, abs=0.01)
    assert radius.max() == pytest.approx(1, abs=0.01)


# Noise and seeds


def _tree(noise, seed):
    return make_tree(400, 2, noise=noise, random_state=seed)[0]


def _manifold(noise, seed):
    return make_manifold("sphere", 400, noise=noise, rotate=True, random_state=seed)


@pytest.mark.parametrize("make", [_tree, _manifold])
def test_noise_is_uniform_and_added_to_the_same_data(make):
    noise = make(0.5, 0) - make(0.0, 0)
    assert np.abs(noise).max() <= 0.5
    assert noise.var() == pytest.approx(0.25 / 3, rel=0.1)
    assert_allclose(make(0.1, 0) - make(0.0, 0), noise / 5, atol=1e-12)


@pytest.mark.parametrize("make", [_tree, _manifold])
def test_seed_decides(make):
    assert_array_equal(make(0.1, 3), make(0.1, 3))
    assert not np.array_equal(make(0.1, 3), make(0.1, 4))


# Labels


@pytest.mark.parametrize("ratio", [0, 0.3, 0.5, 1])
@pytest.mark.parametrize("dtype", [int, str, object, bool])
def test_corruption_keeps_sizes_and_changes_no_more_than_its_share(ratio, dtype):
    y = np.repeat([0, 1], [60, 40]).astype(dtype)
    before = y.copy()
    noisy = corrupt_labels(y, ratio, random_state=0)
    assert_array_equal(y, before)
    assert noisy.dtype == y.dtype
    assert_array_equal(np.sort(noisy), np.sort(y))
    assert (noisy != y).sum() <= ratio * 100
    assert bool((noisy != y).any()) == (ratio > 0)


@pytest.mark.parametrize("ratio", [0.25, 1.0])
def test_corrupted_labels_are_right_by_chance(ratio):
    y = np.repeat(np.arange(4), 5000)
    right = (corrupt_labels(y, ratio, random_state=0) == y).mean()
    # Of those permuted a quarter stays right, with a standard deviation below 1/2.
    assert right == pytest.approx(1 - 0.75 * ratio, abs=4 * 0.5 / np.sqrt(len(y)))


def test_corruption_takes_lists_and_follows_its_seed():
    y = ["a", "b"] * 50
    first, again, other = (
        corrupt_labels(y, 1, random_state=seed) for seed in (0, 0, 1)
    )
    assert_array_equal(first, again)
    assert not np.array_equal(first, other)


# Bad input


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: make_tree(4, 5), "n_samples"),
        (lambda: make_tree(n_branches=0), "n_branches"),
        (lambda: make_tree(n_features=0), "n_features"),
        (lambda: make_tree(noise=-1), "noise == -1, must be >= 0"),
        (lambda: make_tree(noise=np.inf), "noise must be .* got inf"),
        (lambda: make_manifold("cube"), "kind must be .* got 'cube'"),
        (lambda: make_manifold(intrinsic_dim=0), "intrinsic_dim"),
        (lambda: make_manifold("sphere", intrinsic_dim=5, n_features=5), "n_features"),
        (lambda: make_manifold(noise=np.nan), "noise must be .* got nan"),
        (lambda: corrupt_labels([0, 1], 1.5), "ratio"),
        (lambda: corrupt_labels([[0, 1], [1, 0]], 0.5), "1d array"),
    ],
)
def test_bad_input_is_named(make, message):
    with pytest.raises(ValueError, match=message):
        make()


@pytest.mark.parametrize(
    ("make", "name"),
    [
        (lambda: make_manifold(rotate=1), "rotate"),
        (lambda: make_tree(noise="a"), "noise"),
    ],
)
def test_bad_types_are_named(make, name):
    with pytest.raises(TypeError, match=name):
        make()
