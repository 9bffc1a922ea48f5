"""Tasks in parallel."""

import subprocess
import sys
import threading
import time
import warnings

import joblib
import numpy as np
import pytest
from joblib.parallel import ParallelBackendBase
from sklearn import config_context, get_config
from sklearn.utils import gen_batches
from threadpoolctl import threadpool_info, threadpool_limits

from skdse._tools.parallel import (
    iter_tasks,
    map_threads,
    n_threads,
    row_blocks,
    run_tasks,
)


def add(a, b):
    return a + b


def pool_sizes(user_api=("blas", "openmp")):
    pools = threadpool_info()
    return {pool["num_threads"] for pool in pools if pool["user_api"] in user_api}


def working_memory():
    return get_config()["working_memory"]


@pytest.mark.parametrize("n_jobs", [None, 1, 2])
def test_results_in_order(n_jobs):
    assert run_tasks(add, [(i, 10) for i in range(20)], n_jobs) == list(range(10, 30))


class PlainBackend(ParallelBackendBase):
    """A backend of somebody else's that knows the least that joblib asks for."""

    class Result:
        def __init__(self, value):
            self.value = value

        def get(self, timeout=None):
            return self.value

    def effective_n_jobs(self, n_jobs):
        return 2

    def submit(self, func, callback=None):
        result = self.Result(func())
        if callback is not None:
            callback(result)
        return result

    apply_async = submit  # its name before joblib 1.5


joblib.register_parallel_backend("plain", PlainBackend)
BACKENDS = ["threading", "loky", "sequential", "multiprocessing", "plain"]


@pytest.mark.parametrize("backend", BACKENDS)
def test_backends_without_generators_work_too(backend):
    tasks = [(i, 10) for i in range(7)]
    with joblib.parallel_config(backend=backend):
        for n_jobs in (None, 2):
            assert run_tasks(add, tasks, n_jobs) == list(range(10, 17))
        assert sorted(iter_tasks(add, tasks, 2)) == list(range(10, 17))


@pytest.mark.parametrize("backend", ["threading", "loky"])
def test_each_task_has_one_thread_and_the_callers_configuration(backend):
    before = pool_sizes()
    with joblib.parallel_config(backend=backend), config_context(working_memory=77):
        assert run_tasks(pool_sizes, [()] * 4, n_jobs=2) == [{1}] * 4
        assert run_tasks(working_memory, [()] * 4, n_jobs=2) == [77] * 4
    assert pool_sizes() == before


def test_unset_n_jobs_takes_the_threads_of_the_linear_algebra():
    waiting = threading.Barrier(2, timeout=20)
    with threadpool_limits(2):
        # Both tasks must run at once for the barrier to open.
        assert len(run_tasks(waiting.wait, [(), ()])) == 2
    with threadpool_limits(1):
        assert n_threads() == 1
        names = run_tasks(threading.current_thread, [()] * 3)
        assert set(names) == {threading.current_thread()}


def test_unset_n_jobs_starts_no_thread_but_those_that_work():
    before = set(threading.enumerate())

    def others():
        return [one.name for one in threading.enumerate() if one not in before]

    with threadpool_limits(2):
        names = {name for found in run_tasks(others, [()] * 6) for name in found}
    # What a pool calls its threads that hand out work.
    assert names and not any("_handle_" in name for name in names)


def test_an_error_comes_out_and_nothing_begins_after_it():
    begun, go_on = [], threading.Event()

    def task(i):
        begun.append(i)
        if i == 1:
            raise ValueError("the second")
        go_on.wait(20)

    timer = threading.Timer(1, go_on.set)
    timer.start()
    with threadpool_limits(2), pytest.raises(ValueError, match="the second"):
        run_tasks(task, [(i,) for i in range(100)])
    timer.join()
    assert set(begun) == {0, 1}


@pytest.mark.skipif(sys.platform == "win32", reason="sends the signal of Ctrl+C")
def test_an_interrupted_process_does_not_wait_for_its_threads():
    script = """
import os, signal, threading, time
from threadpoolctl import threadpool_limits
from skdse._tools.parallel import run_tasks

threading.Timer(0.5, os.kill, (os.getpid(), signal.SIGINT)).start()
with threadpool_limits(2):
    run_tasks(time.sleep, [(60,), (60,)])
"""
    start = time.perf_counter()
    found = subprocess.run([sys.executable, "-c", script], capture_output=True)
    assert b"KeyboardInterrupt" in found.stderr
    assert time.perf_counter() - start < 40


def test_warning_filters_stay():
    before = list(warnings.filters)
    run_tasks(np.linalg.eigvalsh, [(np.eye(50),) for _ in range(40)], n_jobs=4)
    assert warnings.filters == before


def test_map_threads_keeps_the_order_and_the_pools():
    before = pool_sizes()
    with threadpool_limits(2):
        assert map_threads(abs, [-3, 2, -1]) == [3, 2, 1]
        assert map_threads(pool_sizes, [("blas",)] * 2) == [{1}, {1}]
    assert pool_sizes() == before


@pytest.mark.parametrize("n_rows", [1, 5, 6, 7, 12])
def test_blocks_are_those_of_scikit_learn(n_rows):
    assert row_blocks(n_rows, 6) == list(gen_batches(n_rows, 6))
