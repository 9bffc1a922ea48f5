"""A Dask cluster of two processes: the same bits, and a killed worker loses nothing."""

import json
import os
import signal
import threading
import time
from pathlib import Path

import joblib
import numpy as np
import pytest
from sklearn.datasets import make_blobs
from sklearn.metrics.pairwise import rbf_kernel
from threadpoolctl import threadpool_limits

from skdse import DiffusionSpectralEntropy, DiffusionSpectralMI
from skdse._cli.arguments import main
from skdse._tools.parallel import run_tasks

distributed = pytest.importorskip("distributed")


@pytest.fixture
def client(cluster):
    with distributed.Client(cluster) as client:
        client.wait_for_workers(2)
        yield client


@pytest.fixture(scope="module")
def blobs():
    return make_blobs(150, n_features=4, centers=3, random_state=0)


def wait_for(condition):
    """Wait until a condition holds, for a minute at most."""
    end = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.02)


def log_start(folder):
    """Leave a file that says which process works here."""
    Path(folder, f"{os.getpid()}-{time.monotonic_ns()}").touch()


def slow_affinity(X):
    """Affinity that takes its time on the cluster, and says where."""
    if "SKDSE_TEST_FOLDER" in os.environ:
        log_start(os.environ["SKDSE_TEST_FOLDER"])
        time.sleep(0.3)
    return rbf_kernel(X, gamma=0.1)


def set_folder(folder):
    os.environ["SKDSE_TEST_FOLDER"] = folder


def slow_sum(X, folder, i):
    log_start(folder)
    time.sleep(0.3)
    return float(X[i].sum())


def killer(folder, choose):
    """Thread that kills workers once one has begun to work, and its victims."""
    victims = []

    def run():
        wait_for(lambda: any(Path(folder).iterdir()))
        first = int(next(Path(folder).iterdir()).name.split("-")[0])
        for pid in choose(first):
            os.kill(pid, signal.SIGKILL)
            victims.append(pid)

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    return thread, victims


def measures(dsmi):
    return (
        dsmi.mutual_info_,
        dsmi.mutual_info_std_error_,
        dsmi.entropy_,
        *dsmi.group_entropies_,
    )


def test_mutual_information_has_the_same_bits(client, blobs):
    alone = DiffusionSpectralMI(random_state=0, n_jobs=1).fit(*blobs)
    with joblib.parallel_config(backend="dask"):
        on_cluster = DiffusionSpectralMI(random_state=0).fit(*blobs)
        assert on_cluster.score(*blobs) == alone.score(*blobs)
    assert measures(on_cluster) == measures(alone)


def test_entropy_has_the_same_bits(client, blobs):
    alone = DiffusionSpectralEntropy(random_state=0).fit(blobs[0])
    with joblib.parallel_config(backend="dask"):
        on_cluster = DiffusionSpectralEntropy(random_state=0).fit(blobs[0])
    assert on_cluster.entropy_ == alone.entropy_
    np.testing.assert_array_equal(on_cluster.eigenvalues_, alone.eigenvalues_)


def test_tasks_in_order_and_none(client):
    with joblib.parallel_config(backend="dask"):
        assert run_tasks(divmod, [(i, 3) for i in range(7)]) == [
            divmod(i, 3) for i in range(7)
        ]
        assert run_tasks(divmod, []) == []
        assert run_tasks(divmod, [(7, 3)]) == [(2, 1)]


@pytest.mark.filterwarnings("error:Sending large graph")
def test_large_arguments_are_no_matter_of_warning(client):
    X = np.ones(2_000_000)
    with joblib.parallel_config(backend="dask"):
        assert run_tasks(np.dot, [(X, X)] * 2) == [2e6, 2e6]


# All workers at once: whatever they alone held, like scattered arrays, is gone.
@pytest.mark.parametrize("how_many", [1, 2])
def test_killed_workers_lose_nothing(client, tmp_path, how_many):
    pids = list(client.run(os.getpid).values())
    X = np.random.default_rng(0).normal(size=(10, 500))
    thread, victims = killer(tmp_path, lambda one: [one] if how_many == 1 else pids)
    with joblib.parallel_config(backend="dask"):
        sums = run_tasks(slow_sum, [(X, str(tmp_path), i) for i in range(10)])
    thread.join()
    assert len(victims) == how_many
    assert sums == [float(row.sum()) for row in X]


def test_worker_killed_amid_mutual_information(client, blobs, tmp_path):
    estimator = DiffusionSpectralEntropy(affinity=slow_affinity)
    alone = DiffusionSpectralMI(estimator, random_state=0, n_jobs=1).fit(*blobs)
    slow = DiffusionSpectralMI(estimator, random_state=0)
    thread, victims = killer(tmp_path, lambda one: [one])
    client.run(set_folder, str(tmp_path))
    with joblib.parallel_config(backend="dask"):
        slow.fit(*blobs)
    thread.join()
    assert len(victims) == 1
    assert measures(slow) == measures(alone)


# The command


@pytest.fixture
def run(tmp_path, monkeypatch):
    """Folder of checkpoints, in the current directory."""
    monkeypatch.chdir(tmp_path)
    Path("run").mkdir()
    rng = np.random.default_rng(0)
    for epoch in range(6):
        np.save(f"run/epoch{epoch}.npy", rng.normal(size=(700, 3)))
    np.save("y.npy", np.arange(700) % 2)
    return tmp_path / "run"


def report(capsys, *arguments):
    assert main(["report", "run", "--labels", "y.npy", "--json", *arguments]) == 0
    return json.loads(capsys.readouterr().out)


def without_time(records):
    return [{**one, "seconds": 0} for one in records]


def test_report_survives_and_continues(cluster, client, run, capsys):
    with threadpool_limits(1):
        expected = report(capsys)
    results = run.parent / "results.csv"
    pids = list(client.run(os.getpid).values())

    def kill_after_a_row():
        wait_for(lambda: results.exists() and results.read_text().count("\n") > 1)
        os.kill(pids[0], signal.SIGKILL)

    thread = threading.Thread(target=kill_after_a_row)
    thread.start()
    arguments = ["--dask", cluster.scheduler_address, "--out", "results.csv"]
    found = report(capsys, *arguments)
    thread.join()
    assert without_time(found) == without_time(expected)
    written = results.read_bytes()
    assert written.count(b"\n") == 7
    # Measured anew, it would take other times.
    assert report(capsys, *arguments) == found
    assert results.read_bytes() == written


def test_error_of_a_worker_is_one_line(cluster, run, capsys):
    np.save(run / "epoch0.npy", np.full((700, 3), np.nan))
    arguments = ["--labels", "y.npy", "--json", "--dask", cluster.scheduler_address]
    with pytest.raises(SystemExit) as exit_info:
        main(["report", "run/epoch0.npy", *arguments])
    assert exit_info.value.code == 2
    message = capsys.readouterr().err
    assert message == "skdse: error: run/epoch0.npy: Input X contains NaN.\n"
    # Of a folder, it is skipped.
    assert main(["report", "run", *arguments]) == 3
    captured = capsys.readouterr()
    assert captured.err == "skdse: epoch0.npy: Input X contains NaN. Skipped.\n"
    assert "epoch0.npy" not in captured.out


def test_no_cluster_at_the_address(run, capsys):
    import dask

    with (
        dask.config.set({"distributed.comm.timeouts.connect": "100ms"}),
        pytest.raises(SystemExit) as exit_info,
    ):
        report(capsys, "--dask", "tcp://127.0.0.1:1")
    assert exit_info.value.code == 2
    assert capsys.readouterr().err.startswith("skdse: error: tcp://127.0.0.1:1: ")


def test_tasks_in_tasks_do_not_wait_for_each_other(client, blobs):
    X, y = blobs
    dsmi = DiffusionSpectralMI(random_state=0)
    with joblib.parallel_config(backend="dask"):
        # joblib sets the backend in its tasks, too.
        fits = joblib.Parallel()(joblib.delayed(dsmi.fit)(X, y) for _ in range(3))
    expected = measures(DiffusionSpectralMI(random_state=0).fit(X, y))
    assert [measures(one) for one in fits] == [expected] * 3
