"""Limits of the thread pools, whatever overlaps."""

import threading
import warnings
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from sklearn.cluster import MiniBatchKMeans
from threadpoolctl import threadpool_info, threadpool_limits

from skdse import DiffusionSpectralMI
from skdse._tools.parallel import map_threads, n_threads, run_tasks, threads_for_maps
from skdse._tools.pools import (
    limits_kept,
    pools_changed,
    single_threaded,
    single_threaded_blas,
)


def pools(user_api="blas"):
    """Threads of each pool, in this thread."""
    found = threadpool_info()
    return [pool["num_threads"] for pool in found if pool["user_api"] == user_api]


@pytest.fixture(autouse=True)
def two_threads():
    """Two threads in each pool, and a look whether that is so in the end."""
    with threadpool_limits(2):
        assert set(pools()) == {2}
        yield
        assert set(pools()) == {2}


class Stage:
    """A thread that enters a context and leaves it when told to."""

    def __init__(self, context, error=None):
        self.inside, self.told = threading.Event(), threading.Event()
        self.context, self.error, self.seen, self.raised = context, error, None, None
        self.thread = threading.Thread(target=self._run)
        self.thread.start()
        assert self.inside.wait(20)

    def _run(self):
        try:
            with self.context():
                self.seen = pools()
                self.inside.set()
                assert self.told.wait(20)
                if self.error:
                    raise self.error
        except ZeroDivisionError as error:
            self.raised = error

    def leave(self):
        self.told.set()
        self.thread.join(20)


@pytest.mark.parametrize("first_out", [0, 1])
@pytest.mark.parametrize("second", [single_threaded, threads_for_maps, limits_kept])
def test_the_last_out_restores(second, first_out):
    stages = [Stage(single_threaded), Stage(second)]
    assert [set(stage.seen) for stage in stages] == [{1}, {1}]
    stages.pop(first_out).leave()
    assert set(pools()) == {1}
    stages.pop().leave()
    assert set(pools()) == {2}


def test_an_error_in_one_of_them_leaves_the_limit_to_the_others():
    staying, failing = (
        Stage(single_threaded),
        Stage(single_threaded, ZeroDivisionError()),
    )
    failing.leave()
    assert failing.raised
    assert set(pools()) == {1}
    staying.leave()


def test_nested_contexts_restore_at_the_outermost():
    with single_threaded():
        with pytest.raises(ZeroDivisionError), single_threaded():
            raise ZeroDivisionError
        assert set(pools()) == set(pools("openmp")) == {1}
        with threads_for_maps(), single_threaded_blas():
            assert set(pools()) == {1}
        assert set(pools()) == {1}
    assert set(pools()) == set(pools("openmp")) == {2}


def test_a_limit_within_what_only_waits_is_restored_too():
    with limits_kept():
        assert set(pools()) == {2}
        with single_threaded():
            assert set(pools()) == {1}
    assert set(pools()) == {2}


def test_limits_of_others_that_overlap_within_ours():
    with limits_kept():
        first = threadpool_limits(1)
        second = threadpool_limits(1)
        first.restore_original_limits()
        second.restore_original_limits()
        assert set(pools()) == {1}
    assert set(pools()) == {2}


def test_openmp_keeps_its_threads_where_blas_alone_is_limited():
    with single_threaded_blas():
        assert set(pools()) == {1}
        assert set(pools("openmp")) == {2}


def test_pools_looked_up_anew_between():
    staying = Stage(single_threaded)
    pools_changed()
    with single_threaded():
        assert set(pools()) == {1}
        pools_changed()
    assert set(pools()) == {1}
    staying.leave()


def test_a_limit_of_others_that_ends_meanwhile_is_what_was_there():
    started = threadpool_limits(1)
    staying = Stage(single_threaded)
    started.restore_original_limits()
    assert set(pools()) == {2}
    with single_threaded():
        assert set(pools()) == {1}
    staying.leave()
    assert set(pools()) == {2}


def test_a_limit_of_the_user_within_ours():
    with single_threaded():
        with threadpool_limits(2), single_threaded():
            assert set(pools()) == {1}
        assert set(pools()) == {1}


def test_other_threads_limits_do_not_change_how_many_one_takes():
    staying = Stage(single_threaded)
    assert n_threads() == 2
    waiting = threading.Barrier(2, timeout=20)
    assert len(run_tasks(waiting.wait, [(), ()])) == 2
    staying.leave()


def test_tasks_that_overlap():
    def work(i):
        found = run_tasks(pools, [()] * 3, n_jobs=1 + i % 3)
        found += map_threads(lambda _: pools(), range(3))
        with threads_for_maps():
            return [*found, pools()]

    with ThreadPoolExecutor(4) as executor:
        found = list(executor.map(work, range(40)))
    assert {number for one in found for seen in one for number in seen} == {1}


@pytest.mark.parametrize("target", ["discrete", "continuous"])
@pytest.mark.parametrize("n_features", [4, 40])  # a tree, scikit-learn's
def test_fits_that_overlap(n_features, target):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(300, n_features))
    y = np.arange(300) % 3 if target == "discrete" else X
    clusterer = (
        None if target == "discrete" else MiniBatchKMeans(3, n_init=1, random_state=0)
    )

    def fit(seed):
        dsmi = DiffusionSpectralMI(
            target=target, clusterer=clusterer, random_state=seed
        )
        return dsmi.fit(X, y).mutual_info_

    expected = [fit(seed) for seed in range(4)]
    # Before Python 3.14, warning filters are the process's, and threads change them.
    with warnings.catch_warnings(), ThreadPoolExecutor(2) as executor:
        assert list(executor.map(fit, range(4))) == expected
