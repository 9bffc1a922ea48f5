"""Benchmark skdse against dse-dsmi, side by side, and write the table of the docs.

    python doc/benchmarks/bench.py            # everything; the peer takes hours
    python doc/benchmarks/bench.py --quick    # small sizes, to see that it works
    python doc/benchmarks/bench.py --jobs dse_1000_dense,dse_4000_dense --repeats 5

Every measurement is a process of its own that imports, makes its data, and times one
call. The contenders of a job take turns, A B A B; the table has medians. Peak memory
is that of the whole process, interpreter, libraries and data included; "beyond data" is
what the call added to it. Needs the extra "bench".
"""

import argparse
import csv
import importlib.metadata
import json
import platform
import statistics
import subprocess
import sys
import threading
import time
from datetime import date
from pathlib import Path

import jobs

HERE = Path(__file__).parent
COLUMNS = (
    "job",
    "what",
    "contender",
    "value",
    "std_error",
    "seconds",
    "seconds_min",
    "seconds_max",
    "runs",
    "peak_gib",
    "beyond_data_gib",
    "faster",
)


def main(argv=None):
    """Run the jobs asked for and write their table."""
    options = _parser().parse_args(argv)
    if options.worker:
        job, contender = options.worker
        print(json.dumps(_measure(job, contender, options)))
        return
    names = options.jobs.split(",") if options.jobs else list(jobs.JOBS)
    out = options.out or HERE / ("quick.csv" if options.quick else "results.csv")
    rows = []
    for name in names:
        rows += _run_job(name, options)
        _write(rows, Path(out))  # after each: an interruption loses one job
    print(_table(rows))


def _parser():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--quick", action="store_true", help="small sizes, one run")
    parser.add_argument("--jobs", help="names, separated by commas; all by default")
    parser.add_argument("--contenders", help="names, separated by commas; default: all")
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--data-home", help="folder with mnist.npz, else OpenML's")
    parser.add_argument("--out", help="CSV file of the table")
    parser.add_argument("--worker", nargs=2, help=argparse.SUPPRESS)
    return parser


def _run_job(name, options):
    """Measure the contenders of a job in turn."""
    job = jobs.JOBS[name]
    repeats = 1 if options.quick else min(options.repeats, job.repeats)
    wanted = options.contenders.split(",") if options.contenders else job.contenders
    found = {contender: [] for contender in job.contenders if contender in wanted}
    for run in range(repeats):
        for contender in found:
            if run and contender in job.once:
                continue
            print(f"{name}: {contender}, run {run + 1}", file=sys.stderr, flush=True)
            found[contender].append(_in_process(name, contender, options))
    rows = [_summary(name, contender, runs) for contender, runs in found.items()]
    slowest = max(row["seconds"] for row in rows)
    for row in rows:
        if row["seconds"] < slowest:
            row["faster"] = slowest / row["seconds"]
    return rows


def _in_process(name, contender, options):
    """One measurement in a fresh process."""
    command = [sys.executable, __file__, "--worker", name, contender]
    command += ["--quick"] if options.quick else []
    command += ["--data-home", options.data_home] if options.data_home else []
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
    return json.loads(done.stdout.splitlines()[-1])


def _measure(name, contender, options):
    """Time one call; what it needs is imported and made before."""
    job = jobs.JOBS[name]
    data = job.data(options.quick, options.data_home)
    function = job.contenders[contender]()
    before = _resident()
    with PeakMemory() as peak:
        start = time.perf_counter()
        value, std_error, *own = function(*data)
        seconds = own[0] if own else time.perf_counter() - start
    return {
        "value": float(value),
        "std_error": float(std_error),
        "seconds": seconds,
        "peak": peak.bytes,
        "beyond": peak.bytes - before,
    }


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


def _summary(name, contender, runs):
    """Medians of the runs of one contender."""
    seconds = [run["seconds"] for run in runs]
    return dict(
        zip(
            COLUMNS,
            (
                name,
                jobs.JOBS[name].what,
                contender,
                runs[0]["value"],
                runs[0]["std_error"],
                statistics.median(seconds),
                min(seconds),
                max(seconds),
                len(runs),
                statistics.median(run["peak"] for run in runs) / 2**30,
                statistics.median(run["beyond"] for run in runs) / 2**30,
                "",
            ),
            strict=True,
        )
    )


def _write(rows, path):
    """Write the rows, headed by when, where and with what they were measured."""
    with open(path, "w", newline="", encoding="utf-8") as file:
        for line in _circumstances():
            file.write(f"# {line}\n")
        writer = csv.DictWriter(file, COLUMNS)
        writer.writeheader()
        writer.writerows(
            {key: jobs.rounded(row[key]) for key in COLUMNS} for row in rows
        )


def _circumstances():
    """Date, processor and versions."""
    packages = ("skdse", "dse-dsmi", "numpy", "scipy", "scikit-learn", "pynndescent")
    versions = (f"{name} {importlib.metadata.version(name)}" for name in packages)
    return (
        f"{date.today()}, Python {platform.python_version()}, " + ", ".join(versions),
        f"{_processor()}, {jobs.n_threads()} threads",
    )


def _processor():
    """Name of the processor."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="ascii").splitlines()
        name = next(line for line in lines if line.startswith("model name"))
        return name.partition(":")[2].strip()
    except (OSError, StopIteration):
        return platform.processor()


def _table(rows):
    """Table for a terminal."""
    lines = [f"{'job':24}{'contender':14}{'value':>11}{'± se':>9}{'seconds':>9}"]
    lines[0] += f"{'faster':>9}{'peak GiB':>10}{'beyond':>8}"
    for row in rows:
        lines.append(
            f"{row['job']:24}{row['contender']:14}{row['value']:11.5f}"
            f"{row['std_error']:9.1e}{row['seconds']:9.3f}"
            f"{row['faster'] or 1:8.1f}x{row['peak_gib']:10.2f}"
            f"{row['beyond_data_gib']:8.2f}"
        )
    return "\n".join(lines)


if __name__ == "__main__":
    main()
