"""Arrays of Dask on a cluster of two processes: what only a real one shows."""

import os
import pickle
import signal
import threading
import time
from pathlib import Path

import numpy as np
import pytest

from skdse import DiffusionSpectralEntropy, DiffusionSpectralMI
from skdse._spectra.blocked import samples

da = pytest.importorskip("dask.array")
distributed = pytest.importorskip("distributed")

# Blocks of one tile: several of few samples.
N_SAMPLES, N_FEATURES = 4000, 8
N_BLOCKS = 4


@pytest.fixture
def client(cluster, monkeypatch):
    monkeypatch.setattr(samples, "LEAST_ROWS", 1024)
    with distributed.Client(cluster) as client:
        client.wait_for_workers(2)
        yield client


@pytest.fixture(scope="module")
def X():
    rng = np.random.default_rng(0)
    centers = 3 * rng.normal(size=(5, N_FEATURES))
    X = centers[rng.integers(5, size=N_SAMPLES)] + rng.normal(
        size=(N_SAMPLES, N_FEATURES)
    )
    return X.astype(np.float32)


class Recorded:
    """Rows of a file, of which it is noted which are asked for."""

    ndim = 2

    def __init__(self, path, folder):
        X = np.load(path, mmap_mode="r")
        self.path, self.folder = path, folder
        self.shape, self.dtype = X.shape, X.dtype

    def __getitem__(self, index):
        rows = np.load(self.path, mmap_mode="r")[index]
        if len(rows):  # Dask asks for none, to know the type
            name = f"{os.getpid()}-{index[0].start}-{len(rows)}-{os.urandom(4).hex()}"
            Path(self.folder, name).touch()
        return np.array(rows)


def recorded_source(X, folder):
    """Rows of a file that has X."""
    np.save(folder / "X.npy", X)
    (folder / "read").mkdir()
    return Recorded(str(folder / "X.npy"), str(folder / "read"))


def recorded(X, folder):
    """X as an array of Dask that reads a file in chunks of 500 rows."""
    return da.from_array(recorded_source(X, folder), chunks=(500, N_FEATURES))


def dse(**params):
    return DiffusionSpectralEntropy(**{"tol": 3e-3, "random_state": 0, **params})


def killer(client, condition):
    """Thread that kills a worker once the condition holds, and its victims."""
    victims, over = [], threading.Event()

    def run():
        while not condition():
            if over.wait(0.005):
                return
        pid = next(iter(client.run(os.getpid).values()))
        os.kill(pid, signal.SIGKILL)
        victims.append(pid)

    thread = threading.Thread(target=run, daemon=True)
    thread.start()

    def finish():
        over.set()
        thread.join()
        return victims

    return finish


def test_entropy_is_that_of_one_process(client, X):
    expected = dse().fit(X)
    found = dse().fit(da.from_array(X, chunks=(900, 3)))
    assert found.bandwidth_ == expected.bandwidth_
    assert found.entropy_ == pytest.approx(expected.entropy_, abs=1e-5)
    # By other chunks, the blocks and so the bits are the same.
    other = dse().fit(da.from_array(X, chunks=(4000, 8)))
    assert other.entropy_ == found.entropy_


@pytest.mark.parametrize("room", [0.0, 0.3])
def test_a_worker_killed_amid_a_product_loses_nothing(client, X, monkeypatch, room):
    from skdse._spectra.blocked import kernel

    monkeypatch.setattr(kernel, "KEPT_SHARE", room)
    array = da.from_array(X, chunks=(1000, N_FEATURES))
    expected = dse().fit(array)
    n_products = []
    products = kernel.BlockedKernel._products

    def counted(self, *asked):
        n_products.append(len(n_products))
        return products(self, *asked)

    monkeypatch.setattr(kernel.BlockedKernel, "_products", counted)
    finish = killer(client, lambda: len(n_products) == 5)
    found = dse().fit(array)
    assert len(finish()) == 1
    assert len(n_products) > 5
    assert found.entropy_ == expected.entropy_
    assert found.entropy_std_error_ == expected.entropy_std_error_
    client.wait_for_workers(2)


def test_mutual_information_survives_a_killed_worker(client, X, monkeypatch):
    array = da.from_array(X, chunks=(1000, N_FEATURES))
    y = np.arange(N_SAMPLES) % 3
    dsmi = DiffusionSpectralMI(random_state=0, n_repeats=2)
    expected = dsmi.fit(X, y).mutual_info_
    finish = killer(client, lambda: client.run_on_scheduler(n_sets) > 0)
    assert dsmi.fit(array, da.from_array(y, chunks=500)).mutual_info_ == expected
    assert len(finish()) == 1
    client.wait_for_workers(2)


def n_sets(dask_scheduler):
    """Tasks on the scheduler that measure sets."""
    return sum("run_alone" in key for key in map(str, dask_scheduler.tasks))


@pytest.mark.parametrize(
    ("held", "params"),
    [(1.0, {}), (0.0, {}), (0.0, {"affinity": "nearest_neighbors"})],
    ids=["held", "read", "read for a graph"],
)
def test_samples_are_never_loaded_whole(client, X, tmp_path, monkeypatch, held, params):
    monkeypatch.setattr(samples, "HELD_SHARE", held)
    found = dse(**params).fit(recorded(X, tmp_path))
    read = [name.split("-") for name in os.listdir(tmp_path / "read")]
    # By the workers alone, and no more rows at a time than the chunk has.
    assert os.getpid() not in {int(pid) for pid, *_ in read}
    assert max(int(n) for _, _, n, _ in read) <= 500
    n_times = len(read) / (N_SAMPLES / 500)
    assert n_times < 2 if held else n_times > 2
    expected = dse(**params).fit(da.from_array(X, chunks=(500, N_FEATURES)))
    assert found.entropy_ == expected.entropy_


@pytest.mark.parametrize("lists", [False, True])
def test_frames_are_never_loaded_whole(client, X, tmp_path, lists):
    frames = pytest.importorskip("dask.dataframe")
    pandas = pytest.importorskip("pandas")
    pyarrow = pytest.importorskip("pyarrow")
    source = recorded_source(X, tmp_path)
    kind = pandas.ArrowDtype(pyarrow.list_(pyarrow.float32()))

    def part(start):
        rows = source[start : start + 500,]
        if lists:
            return pandas.DataFrame({"e": pandas.Series(list(rows), dtype=kind)})
        return pandas.DataFrame(rows)

    frame = frames.from_map(part, range(0, N_SAMPLES, 500), meta=part(N_SAMPLES))
    found = dse().fit(frame)
    read = [name.split("-") for name in os.listdir(tmp_path / "read")]
    assert os.getpid() not in {int(pid) for pid, *_ in read}
    assert {int(n) for _, _, n, _ in read} == {500}
    assert found.entropy_ == dse().fit(da.from_array(X)).entropy_


def test_shapes_that_are_not_known(client, X):
    array = da.from_array(X)
    with pytest.raises(ValueError, match=r"call X\.compute_chunk_sizes\(\)\.$"):
        dse().fit(array[array[:, 0] > 0])
    with pytest.raises(ValueError, match=r"got \(4000,\)\.$"):
        dse().fit(array[:, 0])


def _settle(client, seconds=1.0):
    """Bytes that the scheduler holds, once they have not changed for some time."""
    known, since = None, time.monotonic()
    while time.monotonic() < since + seconds:
        if (now := client.run_on_scheduler(bytes_held)) != known:
            known, since = now, time.monotonic()
        time.sleep(0.02)
    return known


def test_traffic_of_a_product(client, X):
    """What the client sends and gets, and what workers send, as the guide states it."""
    from skdse._spectra.affinity import Gaussian
    from skdse._spectra.bandwidth import Bandwidth
    from skdse._spectra.blocked.kernel import BlockedKernel
    from skdse._tools.cluster import Cluster

    n, b, K = N_SAMPLES, 16, N_BLOCKS
    sent, held = [], []

    class Counting(Cluster):
        def send(self, values):
            sent.extend(len(pickle.dumps(value)) for value in values)
            return super().send(values)

        def results(self, futures, tell=None):
            distributed.wait(futures)
            held.append(client.run_on_scheduler(bytes_held))
            found = super().results(futures, tell)
            sent.extend(len(pickle.dumps(one)) for one in found)
            return found

    def outgoing():
        return sum(client.run(bytes_sent).values())

    blocks = samples.BlockedSamples(da.from_array(X), Counting(client))
    G = BlockedKernel(blocks, Gaussian(), Bandwidth(3.0))
    V = np.random.default_rng(0).normal(size=(n, b)).astype(np.float32)
    G.matmat(V)  # makes what is kept
    assert (blocks.n_blocks, G.n_kept) == (K, K * (K + 1) / 2)
    one = 4 * n * b
    _settle(client)  # it lets go of the vectors a while after the product
    before = outgoing()
    sent.clear(), held.clear()
    G.matmat(V)
    # The scheduler keeps the vectors for as long as it may have to send them again.
    end = time.monotonic() + 30
    while client.run_on_scheduler(bytes_held) > held[0] - one:
        assert time.monotonic() < end
        time.sleep(0.02)
    assert held[0] - _settle(client) <= one + 4 * K**2 * 1000
    assert 2 * one <= sum(sent) <= 2 * one + 2 * K * 1000
    # Each pair gives both sides to both sums; each block of V goes to each worker, and
    # the sums go home.
    assert one <= outgoing() - before <= (2 * K + 3) * one


def bytes_held(dask_scheduler):
    """Bytes of what the tasks on the scheduler are made of."""
    specs = [one.run_spec for one in dask_scheduler.tasks.values()]
    return sum(len(pickle.dumps(one)) for one in specs)


def bytes_sent(dask_worker):
    return dask_worker.transfer_outgoing_bytes_total


def test_fitted_estimators_can_be_pickled(client, X):
    one = dse(bandwidth="adaptive", tol=0.02).fit(da.from_array(X))
    expected = one.score(X[:100])
    again = pickle.loads(pickle.dumps(one))
    assert again.score(X[:100]) == expected


def test_without_a_client_arrays_are_computed(X):
    array = da.from_array(X[:300], chunks=(100, N_FEATURES))
    assert dse().fit(array).entropy_ == dse().fit(X[:300]).entropy_
