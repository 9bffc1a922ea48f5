"""Independent tasks in parallel, with the same bits however many run at once.

BLAS gives other last digits with other numbers of threads. So each task runs BLAS on
one thread, and the tasks take the cores instead.
"""

from joblib import effective_n_jobs
from sklearn.utils.parallel import Parallel, delayed
from threadpoolctl import threadpool_info, threadpool_limits


def run_tasks(function, tasks, n_jobs=None):
    """List of function(*task) for each task."""
    n_workers = _n_workers(n_jobs)
    with threadpool_limits(1):
        # Threads, not processes: the samples are shared, and LAPACK, matrix products
        # and exponentials let other threads run. parallel_config overrides it.
        return Parallel(n_jobs=n_workers, prefer="threads")(
            delayed(_single_threaded)(function, *task) for task in tasks
        )


def _n_workers(n_jobs):
    """n_jobs; where nobody set it, as many threads as BLAS would have taken."""
    if n_jobs is not None or effective_n_jobs(None) != 1:
        return n_jobs
    return max((pool["num_threads"] for pool in threadpool_info()), default=1)


def _single_threaded(function, *task):
    """Run a task with its thread pools limited, wherever it landed."""
    with threadpool_limits(1):
        return function(*task)
