"""Data far from the origin, of any scale, with outliers: as at scale 1."""

import numpy as np
import pytest
from scipy.spatial.distance import pdist, squareform

from skdse import (
    DiffusionSpectralEntropy,
    DiffusionSpectralMI,
    MatrixEntryEntropy,
)
from skdse._spectra import affinity
from skdse._spectra.frames import frame_of

ESTIMATORS = {
    "gaussian": DiffusionSpectralEntropy(),
    "adaptive": DiffusionSpectralEntropy(bandwidth="adaptive", metric="sqeuclidean"),
    "reduced": DiffusionSpectralEntropy(bandwidth="reduced"),
    "manhattan": DiffusionSpectralEntropy(bandwidth="knn", metric="manhattan"),
    "laplacian": DiffusionSpectralEntropy(affinity="laplacian"),
    "graph": DiffusionSpectralEntropy(affinity="nearest_neighbors"),
    "lanczos": DiffusionSpectralEntropy(eigen_solver="lanczos", random_state=0),
    "entries": MatrixEntryEntropy(),
}


def clusters(n, d, k):
    rng = np.random.default_rng(0)
    y = np.arange(n) % k
    return 4 * rng.normal(size=(k, d))[y] + rng.normal(size=(n, d)), y


def by_differences(X):
    """Entropy at half the median distance, dense, in float64, by differences."""
    D = squareform(pdist(X))
    sigma = np.median(pdist(X)) / 2
    with np.errstate(over="ignore"):
        G = np.exp(-(D**2) / (2 * sigma**2))
    q = G.sum(axis=1)
    K = G / np.sqrt(np.outer(q, q))
    degree = K.sum(axis=1)
    p = np.abs(np.linalg.eigvalsh(K / np.sqrt(np.outer(degree, degree))))
    p = p[p > 1e-13] / p.sum()
    return -np.sum(p * np.log2(p))


@pytest.mark.parametrize("name", ESTIMATORS)
@pytest.mark.parametrize("constant", [-1e9, -1e10, np.finfo(np.float32).min])
def test_constant_features_do_not_matter(name, constant):
    # As logits that are masked: two columns beside 16 features, in float32.
    X, y = clusters(300, 16, 4)
    X = X.astype(np.float32)
    masked = np.hstack([X, np.full((300, 2), constant, np.float32)])
    one, other = (ESTIMATORS[name].fit(Z).entropy_ for Z in (X, masked))
    assert other == pytest.approx(one, abs=1e-5)
    if name in ("gaussian", "adaptive"):
        dsmi = DiffusionSpectralMI(ESTIMATORS[name], random_state=0)
        one, other = (dsmi.fit(Z, y).mutual_info_ for Z in (X, masked))
        assert other == pytest.approx(one, abs=1e-5)


@pytest.mark.parametrize("name", ESTIMATORS)
@pytest.mark.parametrize("offset", [1e3, 1e6, -1e8])
def test_offsets_do_not_matter(name, offset):
    X, _ = clusters(300, 5, 3)
    # Sums that are exact: 1e8 leaves 2^-26 of a float64.
    X = np.round(X * 2**20) / 2**20
    one, other = (ESTIMATORS[name].fit(Z).entropy_ for Z in (X, X + offset))
    assert other == pytest.approx(one, abs=1e-5)


SCALES = [
    *((np.float32, one) for one in (1e19, 1e20, 1e30, 1e-24, 1e-30)),
    *((np.float64, one) for one in (1e160, 1e300, 1e-170, 1e-300)),
]


@pytest.mark.parametrize("name", ESTIMATORS)
@pytest.mark.parametrize(("dtype", "scale"), SCALES)
def test_scales_do_not_matter(name, dtype, scale):
    X, _ = clusters(200, 6, 3)
    X = X.astype(dtype)
    one = ESTIMATORS[name].fit(X)
    expected, scored = one.entropy_, one.score(X[:50])
    other = ESTIMATORS[name].fit(X * dtype(scale))
    assert other.entropy_ == pytest.approx(expected, abs=2e-5)
    assert other.score(X[:50] * dtype(scale)) == pytest.approx(scored, abs=2e-5)


def test_bandwidths_are_in_the_units_of_the_samples():
    X, _ = clusters(100, 3, 2)
    one, other = (DiffusionSpectralEntropy().fit(Z).bandwidth_ for Z in (X, 1e200 * X))
    assert other == pytest.approx(1e200 * one)
    number = DiffusionSpectralEntropy(bandwidth=3e200).fit(1e200 * X)
    assert number.bandwidth_ == pytest.approx(3e200)
    expected = DiffusionSpectralEntropy(bandwidth=3.0).fit(X).entropy_
    assert number.entropy_ == pytest.approx(expected)


def test_subsets_of_another_scale_keep_the_bandwidth_of_all():
    # Groups that differ by 2^600 in scale: the small one is a point at the bandwidth of
    # both, the large one is as it is.
    rng = np.random.default_rng(0)
    X = rng.normal(size=(60, 3))
    X[30:] *= 2.0**-600
    y = np.repeat([0, 1], 30)
    dse = DiffusionSpectralEntropy(bandwidth=1.0)
    found = DiffusionSpectralMI(dse, random_state=0).fit(X, y).group_entropies_
    assert found[0] == pytest.approx(dse.fit(X[:30]).entropy_)
    assert found[1] == pytest.approx(0, abs=1e-9)


def test_parts_are_in_the_frame_of_all(monkeypatch):
    # It is looked for once, for all samples, and once where others are measured.
    X, y = clusters(300, 4, 3)
    looked_at = []

    def counted(X, metric):
        looked_at.append(len(X))
        return frame_of(X, metric)

    monkeypatch.setattr(affinity, "frame_of", counted)
    far = DiffusionSpectralMI(random_state=0).fit(X + 1e6, y)
    assert looked_at == [300]
    near = DiffusionSpectralMI(random_state=0).fit(X, y)
    assert far.mutual_info_ == pytest.approx(near.mutual_info_, abs=1e-6)
    # Other samples have a frame of their own.
    far.score(X[:100] + 1e6, y[:100])
    assert looked_at[2:].count(300) == 0 and len(looked_at) > 2


@pytest.mark.parametrize("value", [1e13, 1e15, 1e20, 1e100])
def test_an_outlier_is_one_isolated_sample(value):
    X = np.random.default_rng(0).normal(size=(400, 8))
    X[3, 2] = value
    assert DiffusionSpectralEntropy().fit(X).entropy_ == pytest.approx(
        by_differences(X), abs=1e-9
    )


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_an_outlier_among_many_samples(dtype):
    X = np.random.default_rng(0).normal(size=(1500, 8)).astype(dtype)
    X[3, 2] = 1e15
    dse = DiffusionSpectralEntropy(eigen_solver="lanczos", random_state=0).fit(X)
    error = abs(dse.entropy_ - by_differences(X.astype(float)))
    assert error <= 3 * dse.entropy_std_error_


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_ordinary_samples_are_not_copied(dtype):
    X = np.random.default_rng(0).normal(size=(100, 3)).astype(dtype)
    for metric in ("euclidean", "manhattan", "cosine", np.dot):
        assert frame_of(X, metric).apply(X) is X
    # Nor where nobody knows what a shift does to the distances.
    assert frame_of(X + dtype(1e6), "cosine").apply(X) is X
    assert frame_of(X + dtype(1e6), "euclidean").apply(X) is not X


@pytest.mark.parametrize("offset", [0.0, 1e5])
@pytest.mark.parametrize("unit", [1.0, 2.0**60])
def test_frame_knows_its_typical_sample(offset, unit):
    X = unit * (np.random.default_rng(0).normal(size=(301, 4)) + offset)
    frame = frame_of(X, "euclidean")
    moved = frame.apply(X)
    center = np.median(moved, axis=0)
    spread = np.median(np.abs(moved - center).max(axis=1))
    np.testing.assert_allclose(frame.typical.center, center, atol=1e-9)
    assert frame.typical.spread == pytest.approx(spread)
