"""Tasks in parallel."""

import threading
import warnings

import joblib
import numpy as np
import pytest
from sklearn import config_context, get_config
from threadpoolctl import threadpool_info, threadpool_limits

from skdse._tools.parallel import map_threads, n_threads, run_tasks


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
