"""Thread pools of the linear algebra, and their limits while tasks take the cores.

A pool of BLAS has one limit for the process. Whoever sets it, and later puts back what
was there, must not overlap with another that does so in another thread: the one who
comes second takes the limit of the first for what was there. So all of skdse shares one
limiter: the first in sets it, the last out restores. A limit of OpenMP is one of a
thread, and each thread keeps its own.
"""

import os
from contextlib import contextmanager
from functools import cache
from threading import Lock, local

from threadpoolctl import ThreadpoolController


class SharedLimiter:
    """The limit of all shared pools of the process, counted by those who need it.

    Attributes
    ----------
    lock : Lock
        Held while numbers of threads are read and set.
    n_inside : int
        Threads inside, those that only wait to restore too.
    taken : dict of str to (pool, int)
        By their files, the pools that have more than one thread, and how many.
    """

    def __init__(self):
        self.lock = Lock()
        self.n_inside = 0
        self.taken = {}

    def enter(self, pools):
        """Come in without a limit; the first one notes what is there."""
        with self.lock:
            self.n_inside += 1
            if self.n_inside > 1:
                return
            for pool in pools:
                if pool.num_threads not in (None, 1):
                    self.taken[pool.filepath] = pool, pool.num_threads

    def limit(self, pools, is_outermost):
        """Limit the pools to one thread, for those inside."""
        with self.lock:
            for pool in pools:
                number = pool.num_threads
                if number in (None, 1):
                    continue
                # Set within a context of this very thread, it is not what was there.
                if is_outermost or pool.filepath not in self.taken:
                    self.taken[pool.filepath] = pool, number
                set_threads(pool, 1)

    def leave(self):
        """Go out; the last one restores what was there, unless it was set since."""
        with self.lock:
            self.n_inside -= 1
            if self.n_inside:
                return
            for pool, number in self.taken.values():
                if pool.num_threads == 1:
                    set_threads(pool, number)
            self.taken = {}

    def numbers(self):
        """Threads that the limited pools have otherwise, by their files."""
        with self.lock:
            return {path: number for path, (_, number) in self.taken.items()}


_shared = SharedLimiter()
# How many of these contexts a thread is in.
_of_thread = local()

if hasattr(os, "register_at_fork"):
    # Another thread may have held the lock, and does not live on in the child.
    os.register_at_fork(after_in_child=lambda: setattr(_shared, "lock", Lock()))


@contextmanager
def single_threaded():
    """Context in which linear algebra takes one thread."""
    own = [pool for pool in _pools() if not _is_shared(pool)]
    with single_threaded_blas():
        before = [pool.num_threads for pool in own]
        try:
            for pool in own:
                set_threads(pool, 1)
            yield
        finally:
            for pool, number in zip(own, before, strict=True):
                set_threads(pool, number)


@contextmanager
def single_threaded_blas():
    """Context in which BLAS takes one thread, and OpenMP what it has."""
    with limits_kept():
        _shared.limit(filter(_is_shared, _pools()), _of_thread.depth == 1)
        yield


@contextmanager
def limits_kept():
    """Context for what limits the pools by itself for a while, as k-means does.

    What was there before is put back after the last one, whoever overlapped.
    """
    _of_thread.depth = getattr(_of_thread, "depth", 0) + 1
    if _of_thread.depth == 1:
        _shared.enter(filter(_is_shared, _pools()))
    try:
        yield
    finally:
        _of_thread.depth -= 1
        if _of_thread.depth == 0:
            _shared.leave()


def n_pool_threads():
    """Threads that the linear algebra takes, or would if no other thread limited it."""
    is_inside = getattr(_of_thread, "depth", 0) > 0
    others = {} if is_inside else _shared.numbers()
    numbers = (others.get(pool.filepath, pool.num_threads) for pool in _pools())
    return max((number for number in numbers if number), default=1)


def set_threads(pool, number):
    """Set the threads of a pool, whichever thread has set them last."""
    # From threadpoolctl 3.8 on, OpenBLAS obeys one thread until that lets go.
    let_go = getattr(pool, "clear_controlling_thread", None)
    if let_go is not None:
        let_go(force=True)
    pool.set_num_threads(number)
    if let_go is not None:
        let_go(force=True)


def pools_changed():
    """Look the thread pools up again: a library may have brought another one."""
    _pools.cache_clear()


@cache
def _pools():
    """Return the thread pools of this process; looking them up takes milliseconds."""
    return tuple(ThreadpoolController().lib_controllers)


def _is_shared(pool):
    """Whether the pool has one limit for all threads."""
    if pool.user_api == "openmp":
        return pool.prefix == "vcomp"
    is_openblas = pool.internal_api == "openblas"
    return not (is_openblas and getattr(pool, "threading_layer", "") == "openmp")
