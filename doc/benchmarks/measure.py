"""Measure one contender of a job of bench.py, in a process that does nothing else.

    python doc/benchmarks/measure.py dse_4000 skdse
    python doc/benchmarks/measure.py dse_4000 skdse --stages    # where the time goes

It imports, makes its data, and times one call; it prints JSON.
"""

import argparse
import gc
import json
import threading
import time
from contextlib import contextmanager

import jobs
from stages import StageClock


def main():
    """Measure, and print what was found."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("job", choices=jobs.JOBS)
    parser.add_argument("contender")
    parser.add_argument("--stages", action="store_true", help="tell seconds by stage")
    parser.add_argument("--quick", action="store_true", help="small sizes")
    parser.add_argument("--data-home", help="folder with mnist.npz, else OpenML's")
    print(json.dumps(measure(**vars(parser.parse_args()))))


def measure(job, contender, *, stages=False, quick=False, data_home=None):
    """Time one call, or tell its stages; what it needs is made before."""
    job = jobs.JOBS[job]
    run = job.contenders[contender](*job.data(quick, data_home))
    gc.collect()  # what imports left, 60 ms: else by chance while the clock runs
    with limited(job.memory):
        return stages_of(run) if stages else timed(run)


def timed(run):
    """Seconds and memory of a call, and what it gives."""
    before = _resident()
    with PeakMemory() as peak:
        start = time.perf_counter()
        value, std_error = run()
        seconds = time.perf_counter() - start
    return {
        "value": float(value),
        "std_error": float(std_error),
        "seconds": seconds,
        "peak": peak.bytes,
        "beyond": peak.bytes - before,
    }


def stages_of(run):
    """Seconds of a call by stage, and the products that it makes."""
    with StageClock() as clock:
        run()
    total = sum(clock.seconds.values())
    return {
        "profiled_seconds": total,
        "n_products": clock.n_products,
        **clock.seconds,
    }


@contextmanager
def limited(gib):
    """Context in which this process may take so much more memory, as by ulimit -v."""
    if gib is None:
        yield
        return
    import resource

    import psutil

    soft, hard = resource.getrlimit(resource.RLIMIT_AS)
    most = psutil.Process().memory_info().vms + int(gib * 2**30)
    resource.setrlimit(resource.RLIMIT_AS, (most, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_AS, (soft, hard))


class PeakMemory:
    """Largest resident memory while the block runs, looked up 100 times a second."""

    def __enter__(self):
        self.bytes = _resident()
        self._done = threading.Event()
        self._watch = threading.Thread(target=self._look, daemon=True)
        self._watch.start()
        return self

    def __exit__(self, *error):
        self._done.set()
        self._watch.join()
        self.bytes = max(self.bytes, _resident())

    def _look(self):
        while not self._done.wait(0.01):
            self.bytes = max(self.bytes, _resident())


def _resident():
    """Resident memory of this process, in bytes."""
    import psutil

    return psutil.Process().memory_info().rss


if __name__ == "__main__":
    main()
