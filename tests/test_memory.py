"""What does not fit in memory is refused, and what fits takes little."""

import re
import subprocess
import sys
import tracemalloc
from pathlib import Path

import numpy as np
import pytest
from sklearn.base import clone
from threadpoolctl import threadpool_limits

from skdse import AdjacencySpectralEntropy, DiffusionSpectralEntropy, MatrixEntryEntropy
from skdse._spectra.distances import distinct_rows
from skdse._spectra.medians import sampled_distances
from skdse._spectra.tiled_search import LocalSamples, nearest_of

# An affinity of as many samples takes 29 TiB: more than machines have.
N_SAMPLES = 2_000_000


@pytest.mark.parametrize(
    "estimator",
    [
        DiffusionSpectralEntropy(bandwidth=1.0, eigen_solver="arpack"),
        DiffusionSpectralEntropy(bandwidth=1.0, eigen_solver="dense"),
        MatrixEntryEntropy(bandwidth=1.0),
        AdjacencySpectralEntropy(bandwidth=1.0),
        AdjacencySpectralEntropy("nearest_neighbors", bandwidth=1.0),
    ],
    ids=str,
)
def test_dense_problem_that_does_not_fit_names_the_way_out(estimator):
    X = np.linspace(0, 1, N_SAMPLES)[:, None]
    tracemalloc.start()
    try:
        with pytest.raises(MemoryError) as caught:
            clone(estimator).fit(X)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 2**24  # nothing of 2,000,000 x 2,000,000 was made
    match = re.fullmatch(
        r"A dense 2000000 x 2000000 affinity needs (\S+) GiB with its working copies, "
        r"(\S+) GiB are available\. Use .*max_samples=(\d+) would fit\.",
        str(caught.value),
    )
    n_matrices = float(match[1]) / (N_SAMPLES**2 * 8 / 2**30)
    assert n_matrices == pytest.approx(round(n_matrices), rel=1e-5)
    # As many samples fit as can, by the memory that is stated, to 0.05 GiB.
    available, fitting = float(match[2]), int(match[3])
    for n, rounding in ((fitting, 0.051), (fitting + 1, -0.051)):
        fits = round(n_matrices) * n**2 * 8 / 2**30 <= available + rounding
        assert fits == (n == fitting)


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.EfficiencyWarning")
def test_what_is_said_to_fit_does():
    class Work(Exception):
        pass

    def metric(x, y):
        raise Work

    X = np.linspace(0, 1, N_SAMPLES)[:, None]
    dse = DiffusionSpectralEntropy(bandwidth=1.0, metric=metric, eigen_solver="dense")
    with pytest.raises(MemoryError) as caught:
        dse.fit(X)
    fitting = int(re.search(r"max_samples=(\d+)", str(caught.value))[1])
    # Meanwhile others take memory or give some back, a fifth of it at most.
    with pytest.raises(Work):
        dse.set_params(max_samples=int(0.9 * fitting)).fit(X)
    with pytest.raises(MemoryError):
        dse.set_params(max_samples=int(1.1 * fitting)).fit(X)


@pytest.mark.parametrize("eigen_solver", ["auto", "arpack"])
def test_graph_of_many_samples_makes_no_dense_matrix(eigen_solver, rng):
    n = 6000
    X = rng.normal(size=(n, 4)).astype(np.float32)
    dse = DiffusionSpectralEntropy(
        eigen_solver=eigen_solver,
        n_components=4,
        tol=0.1,
        random_state=0,
        affinity="nearest_neighbors",
    )
    tracemalloc.start()
    try:
        dse.fit(X)
        dse.score(X)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < n * n * 8 / 4
    lower, upper = dse.entropy_interval_
    assert 0 < lower < dse.entropy_ < upper < np.log2(n)


@pytest.mark.parametrize(
    "work",
    [
        lambda X, rng: sampled_distances(X, "euclidean", rng, 20_000),
        lambda X, rng: distinct_rows(X),
        lambda X, rng: LocalSamples(X)(X),
        lambda X, rng: nearest_of(X, X, rng.randint(len(X), size=(len(X), 13)), 5),
    ],
    ids=["sampled pairs", "distinct rows", "samples in float32", "differences"],
)
def test_work_on_blocks_takes_little_beside_its_result(work, rng):
    X = rng.normal(size=(5000, 768)).astype(np.float32)
    with threadpool_limits(2):
        work(X[:50], np.random.RandomState(0))
        tracemalloc.start()
        try:
            result = work(X, np.random.RandomState(0))
            left, peak = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
    assert peak - left < 20e6  # X takes 15 MB
    del result


@pytest.mark.skipif(
    not Path("/proc/self/status").exists(), reason="reads resident memory on Linux"
)
def test_rows_of_a_stream_take_little_more_than_their_size():
    pytest.importorskip("torch")
    script = Path(__file__).parent.parent / "doc" / "benchmarks" / "tracker_memory.py"
    # 12 layers of 768 features, of which 5,000 rows are kept: 184 MB.
    options = ["--n-samples", "9000", "--measures"]
    done = subprocess.run(
        [sys.executable, script, *options], capture_output=True, text=True, check=True
    )
    pattern = r"activations: (\d+) MB more, of which (\d+) MB"
    looked, kept = map(int, re.search(pattern, done.stdout).groups())
    tracked = int(re.search(r"tracker: (\d+) MB", done.stdout)[1])
    assert kept == 184
    # A tenth more while they come, the output of a batch, and one layer twice.
    assert looked < 1.1 * kept + 60
    # The tracker reads labels, and looks again; it measures nothing here.
    assert tracked < looked + 60
