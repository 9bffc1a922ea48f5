"""The engine on arrays of a device gives the values of NumPy, whatever the library."""

import numpy as np
import pytest
from places import PLACES, as_tensor, engine_entropy, on_device, spectrum_of
from scipy.spatial.distance import pdist, squareform
from sklearn import config_context
from sklearn.datasets import load_digits, make_blobs

from skdse import (
    AdjacencySpectralEntropy,
    DiffusionSpectralEntropy,
    MatrixEntryEntropy,
    ShannonEntropy,
)
from skdse._spectra.device_search import DeviceSearch
from skdse._spectra.diffusion import diffusion_operator
from skdse._spectra.distances import directions, distances, distances_of_pairs
from skdse._spectra.gibbs import gaussian_entries
from skdse._spectra.solvers import solve
from skdse._spectra.tiles import TiledKernel
from skdse._tools.arrays import to_host

AFFINITIES = {
    "gaussian": {},
    "a number": {"bandwidth": 20.0},
    "knn": {"bandwidth": "knn"},
    "adaptive": {"bandwidth": "adaptive"},
    "reduced": {"bandwidth": "reduced"},
    "squared distances": {"bandwidth": "adaptive", "metric": "sqeuclidean"},
    "squared, reduced": {"bandwidth": "reduced", "metric": "sqeuclidean"},
    "cosine": {"metric": "cosine"},
    "correlation": {"metric": "correlation", "bandwidth": "adaptive"},
    "manhattan": {"metric": "manhattan"},
    "laplacian": {"affinity": "laplacian"},
    "laplacian, adaptive": {"affinity": "laplacian", "bandwidth": "adaptive"},
    "graph": {"affinity": "nearest_neighbors"},
}
# All eigenvalues in float64 agree to rounding. Lanczos has float32 products, whose
# rounding moves Ritz values near the ends of the spectrum: below 1e-6 bits a sample set
# of these. A device without float64 rounds samples and distances to float32.
TOLERANCE = {"dense": 1e-9, "arpack": 1e-6, "dense32": 1e-5, "lanczos": 1e-5}
SINGLE = 2e-4


def samples(n_samples=160):
    """Some digits, in numbers that float32 has, and no two distances alike."""
    noise = np.random.default_rng(0).uniform(0, 0.1, (n_samples, 64))
    X = load_digits().data[:n_samples] + noise
    return X.astype(np.float32).astype(np.float64)


@pytest.fixture(params=PLACES)
def place(request):
    """Function that puts a NumPy array somewhere."""
    if request.param == "torch":
        pytest.importorskip("torch")
    return PLACES[request.param]


@pytest.mark.parametrize("solver", TOLERANCE)
@pytest.mark.parametrize("name", AFFINITIES)
def test_the_entropy_is_that_of_numpy(name, solver, place):
    X = samples()
    estimator = DiffusionSpectralEntropy(eigen_solver=solver, **AFFINITIES[name])
    expected = engine_entropy(estimator, X)
    found = engine_entropy(estimator, place(X))
    tolerance = TOLERANCE[solver] if place is not PLACES["no float64"] else SINGLE
    assert found.value == pytest.approx(expected.value, abs=tolerance)
    if solver != "arpack":  # whose last copies of an eigenvalue are found or not
        assert found.std_error == pytest.approx(expected.std_error, abs=SINGLE)


@pytest.mark.parametrize("name", ["gaussian", "squared distances", "graph"])
def test_float32_stays_float32_and_agrees(name, place):
    X = samples().astype(np.float32)
    estimator = DiffusionSpectralEntropy(**AFFINITIES[name])
    expected, found = (engine_entropy(estimator, Z) for Z in (X, place(X)))
    assert found.value == pytest.approx(expected.value, abs=1e-4)


def far(X):
    """Samples far from the origin."""
    return X + 1e6


def tiny(X):
    """Samples whose squares float32 has no room for."""
    return X * 1e-25


def with_outlier(X):
    """Samples of which one is far away."""
    X = X.copy()
    X[7] = 1e5
    return X


def with_copies(X):
    """Samples of which most are there three times."""
    return np.concatenate([X, X[:60], X[20:70]])


def with_zeros(X):
    """Samples of which some are zero, some constant."""
    X = X.copy()
    X[3:6], X[11:13] = 0, 5
    return X


DATA = (far, tiny, with_outlier, with_copies, with_zeros)


@pytest.mark.parametrize("change", DATA)
@pytest.mark.parametrize(
    "name", ["gaussian", "adaptive", "squared distances", "laplacian", "graph"]
)
def test_odd_data_give_the_entropy_of_numpy(name, change, place):
    X = change(samples(90))
    if place is PLACES["no float64"]:
        X = X.astype(np.float32)  # what the device can know of them
    estimator = DiffusionSpectralEntropy(eigen_solver="dense", **AFFINITIES[name])
    expected, found = (engine_entropy(estimator, Z) for Z in (X, place(X)))
    tolerance = SINGLE if place is PLACES["no float64"] else 1e-9
    assert found.value == pytest.approx(expected.value, abs=tolerance)


@pytest.mark.filterwarnings("ignore:.*have no direction")
@pytest.mark.parametrize("metric", ["cosine", "correlation"])
def test_rows_without_a_direction_are_as_on_the_host(metric, place):
    X = with_zeros(samples(90))
    for bandwidth in ("median", "adaptive"):
        estimator = DiffusionSpectralEntropy(metric=metric, bandwidth=bandwidth)
        expected, found = (engine_entropy(estimator, Z) for Z in (X, place(X)))
        assert found.value == pytest.approx(expected.value, abs=1e-5)


@pytest.mark.parametrize("n_samples", [1, 2, 3])
def test_few_samples(n_samples, place):
    X = samples(n_samples)
    for params in AFFINITIES.values():
        if params.get("metric") in ("cosine", "correlation"):
            continue
        estimator = DiffusionSpectralEntropy(**params)
        expected, found = (engine_entropy(estimator, Z) for Z in (X, place(X)))
        assert found.value == pytest.approx(expected.value, abs=1e-5)


def test_identical_samples_have_no_entropy(place):
    X = place(np.ones((20, 3)))
    assert engine_entropy(DiffusionSpectralEntropy(), X).value == 0


@pytest.mark.parametrize("bandwidth", ["median", "reduced"])
def test_the_exact_median_of_many_samples(bandwidth, place):
    # More than are looked at all at once.
    X = np.random.default_rng(0).standard_normal((2300, 3)).astype(np.float32)
    estimator = DiffusionSpectralEntropy(bandwidth=bandwidth, eigen_solver="lanczos")
    host, there = (make_bandwidth(estimator, Z) for Z in (X, place(X)))
    assert there.sigma == pytest.approx(host.sigma, rel=2e-6)
    assert there.shared == pytest.approx(host.shared, rel=2e-6)
    assert there.log_error == host.log_error


def make_bandwidth(estimator, X):
    """Bandwidth that the engine finds."""
    from skdse._measures.meters import make_meter

    return make_meter(estimator).fit(X, 0).bandwidth


@pytest.mark.parametrize("room", [0, 2e5, np.inf])
def test_small_tiles_kept_or_made_anew(room):
    # Tiles of 64 rows: 21 of them, of which none, some or all are kept.
    X = samples(330)
    bandwidth = make_bandwidth(DiffusionSpectralEntropy(bandwidth=25.0), X)
    with config_context(working_memory=1 / 16):
        G = TiledKernel(
            gaussian_entries(on_device(X), bandwidth, "euclidean", np.float32), room
        )
        assert len(G.blocks) == 6
        V = np.random.default_rng(0).standard_normal((330, 3)).astype(np.float32)
        found = to_host(G.matmat(on_device(V)))
        head = to_host(G.head(100).matmat(on_device(V[:100])))
        squares = G.squares_matvec(np.ones(330))
    exact = np.exp(-np.square(X[:, None] - X).sum(axis=2) / (2 * bandwidth.sigma**2))
    np.testing.assert_allclose(found, exact @ V, atol=1e-4)
    np.testing.assert_allclose(head, exact[:100, :100] @ V[:100], atol=1e-4)
    np.testing.assert_allclose(squares, np.square(exact).sum(axis=1), rtol=1e-5)
    np.testing.assert_allclose(to_host(G.toarray()), exact, atol=1e-6)


@pytest.mark.parametrize("name", ["gaussian", "adaptive", "squared distances"])
def test_lanczos_by_small_tiles(name):
    X = samples(330)
    estimator = DiffusionSpectralEntropy(eigen_solver="lanczos", **AFFINITIES[name])
    expected = engine_entropy(estimator, X)
    with config_context(working_memory=1 / 16):
        found = engine_entropy(estimator, on_device(X))
    assert found.value == pytest.approx(expected.value, abs=1e-5)


@pytest.mark.parametrize("metric", ["euclidean", "manhattan", "cosine", "correlation"])
def test_neighbours_by_small_tiles(metric, place):
    X = samples(300)
    estimator = DiffusionSpectralEntropy(bandwidth="adaptive", metric=metric)
    expected = make_bandwidth(estimator, X).sigma
    with config_context(working_memory=1 / 16):
        found = make_bandwidth(estimator, place(X)).sigma
    np.testing.assert_allclose(found, expected, rtol=1e-6)


def test_ties_are_found_in_float64():
    # A grid, of which each point has four neighbours at the same distance, far away.
    a, b = np.meshgrid(np.arange(20.0), np.arange(20.0))
    X = np.column_stack([a.ravel(), b.ravel()]) + 1e4
    estimator = DiffusionSpectralEntropy(bandwidth="adaptive", bandwidth_neighbors=2)
    sigma = make_bandwidth(estimator, on_device(X)).sigma
    np.testing.assert_array_equal(sigma, 1.0)


def test_distances_that_float32_cannot_tell_apart_are_told_in_float64(place):
    if place is PLACES["no float64"]:
        pytest.skip("it has float32 alone")
    # Points around the origin at distances 1, 1 + 1e-9, 1 + 2e-9, ..., in any order.
    rng = np.random.default_rng(0)
    order, angles = rng.permutation(60), rng.uniform(0, 2 * np.pi, 60)
    radii = 1 + 1e-9 * order
    X = radii[:, None] * np.column_stack([np.cos(angles), np.sin(angles)])
    search = DeviceSearch(place(X), "euclidean")
    distances, indices = search.kneighbors(place(np.zeros((1, 2))), 4)
    np.testing.assert_array_equal(order[indices], [[0, 1, 2, 3]])
    np.testing.assert_allclose(distances, [np.sort(radii)[:4]], rtol=1e-12)


@pytest.mark.parametrize("sparse", [False, True])
def test_affinities_that_the_user_brings(sparse, place):
    X = samples(120)
    D = np.square(X[:, None] - X).sum(axis=2)
    G = np.exp(-D / 800)
    if sparse:
        G = np.where(G > 0.1, G, 0.0)
        G[5] = G[:, 5] = 0  # an isolated vertex
    estimator = DiffusionSpectralEntropy(affinity="precomputed")
    expected, found = (engine_entropy(estimator, Z) for Z in (G, place(G)))
    assert found.value == pytest.approx(expected.value, abs=1e-5)


@pytest.mark.parametrize(
    "change, message",
    [
        (lambda G: G[:, :-1], "square"),
        (lambda G: G - 1, "Negative"),
        (lambda G: G + np.arange(len(G)), "symmetric"),
        (lambda G: G * np.nan, "finite"),
    ],
)
def test_what_is_no_affinity_is_refused(change, message):
    G = change(np.eye(5) + 0.5)
    with pytest.raises(ValueError, match=message):
        engine_entropy(DiffusionSpectralEntropy(affinity="precomputed"), on_device(G))


def test_a_function_of_the_user_makes_the_affinity_where_the_samples_lie():
    def linear(X):
        return X @ X.T

    X = samples(60)
    estimator = DiffusionSpectralEntropy(affinity=linear)
    expected, found = (engine_entropy(estimator, Z) for Z in (X, on_device(X)))
    assert found.value == pytest.approx(expected.value, abs=1e-9)


def test_other_metrics_are_refused_before_any_work():
    estimator = DiffusionSpectralEntropy(metric="canberra")
    with pytest.raises(ValueError, match=r"metric='canberra' is not there.*X\.cpu"):
        engine_entropy(estimator, on_device(samples(10)))


@pytest.mark.parametrize("solver", ["dense", "lanczos"])
def test_the_spectrum_lies_on_the_host(solver):
    estimator = DiffusionSpectralEntropy(eigen_solver=solver)
    scale, spectrum = spectrum_of(estimator, on_device(samples(100)))
    assert type(spectrum.eigenvalues) is np.ndarray
    assert isinstance(scale.bandwidth.sigma, float)
    again = spectrum_of(estimator, on_device(samples(100)))[1]
    np.testing.assert_array_equal(spectrum.eigenvalues, again.eigenvalues)


@pytest.mark.parametrize(
    "estimator",
    [
        ShannonEntropy(),
        ShannonEntropy(bin_range="each", n_bins=3),
        MatrixEntryEntropy(),
        AdjacencySpectralEntropy(),
        AdjacencySpectralEntropy(adjacency="anisotropic"),
        AdjacencySpectralEntropy(adjacency="gaussian"),
    ],
)
def test_the_other_entropies(estimator, place):
    from skdse._measures.meters import make_meter

    meter, X = make_meter(estimator), samples(100)
    values = [meter.measure(Z, meter.fit(Z, 0), 0).value for Z in (X, place(X))]
    assert values[1] == pytest.approx(values[0], abs=1e-4)


def test_products_keep_their_precision_in_programs_that_lower_it():
    torch = pytest.importorskip("torch")
    X = as_tensor(make_blobs(300, 8, centers=4, random_state=0)[0].astype(np.float32))
    estimator = DiffusionSpectralEntropy(eigen_solver="lanczos")
    expected = engine_entropy(estimator, X).value
    before = torch.get_float32_matmul_precision()
    try:
        torch.set_float32_matmul_precision("medium")
        with torch.autocast("cpu", dtype=torch.bfloat16):
            found = engine_entropy(estimator, X).value
        assert torch.get_float32_matmul_precision() == "medium"
    finally:
        torch.set_float32_matmul_precision(before)
    assert found == pytest.approx(expected, abs=1e-7)


def test_affinities_are_made_in_full_precision():
    torch = pytest.importorskip("torch")
    seen = []

    def linear(X):
        seen.append(torch.get_float32_matmul_precision())
        seen.append(torch.is_autocast_enabled("cpu"))
        return X @ X.T

    before = torch.get_float32_matmul_precision()
    try:
        torch.set_float32_matmul_precision("medium")
        with torch.autocast("cpu", dtype=torch.bfloat16):
            engine_entropy(
                DiffusionSpectralEntropy(affinity=linear), as_tensor(samples(20))
            )
    finally:
        torch.set_float32_matmul_precision(before)
    assert seen == ["highest", False]


def test_a_stack_of_solvers_sees_one_operator():
    # All solvers on one operator of a device, as `solve` gives them.
    X = on_device(samples(100))
    bandwidth = make_bandwidth(DiffusionSpectralEntropy(), X)
    entries = gaussian_entries(X, bandwidth, "euclidean", np.float64)
    G = TiledKernel(entries, np.inf)
    S = diffusion_operator(G, positive_semidefinite=True)
    exact = solve(S, "dense").entropy(1).value
    assert solve(S, "dense32").entropy(1).value == pytest.approx(exact, abs=1e-5)
    found = solve(S, "arpack", n_components=90, random_state=0).entropy(1)
    assert found.lower - 1e-9 <= exact <= found.upper + 1e-9


# Correlation
# -----------


@pytest.mark.parametrize("name", PLACES)
def test_correlation_on_a_device_sees_what_is_beside_an_offset(name):
    if name == "torch":
        pytest.importorskip("torch")
    is_single = name == "no float64"
    rng = np.random.default_rng(0)
    X = rng.integers(-8, 9, size=(30, 7)).astype(float)
    # Whole numbers, so that offsets leave their differences as they are: of float32,
    # 24 bits, and 53 of float64.
    bits, tolerance = (20, 1e-6) if is_single else (48, 1e-13)
    moved = PLACES[name](X + 2.0 ** rng.integers(bits - 8, bits, size=(30, 1)))
    expected = squareform(pdist(X, "correlation"))
    found = to_host(distances(moved, metric="correlation"))
    np.testing.assert_allclose(found, expected, rtol=0, atol=tolerance)
    pairs = distances_of_pairs(moved[:-1, :], moved[1:, :], "correlation")
    np.testing.assert_allclose(pairs, np.diag(expected, 1), rtol=0, atol=tolerance)


@pytest.mark.parametrize("scale", [1e-300, 1.0, 4e307])
def test_directions_on_a_device_have_room_at_any_scale(scale):
    rows = np.array([[-4.0, 4.0, 1.0], [4.0, -4.0, 1.0], [3.0, 3.0, 3.0], [0, 0, 1]])
    expected = directions(rows, "correlation")
    found = to_host(directions(on_device(scale * rows), "correlation"))
    np.testing.assert_allclose(found, expected, rtol=1e-12, atol=1e-15)
    assert not found[2].any()
