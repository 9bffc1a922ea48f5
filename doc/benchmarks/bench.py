"""Benchmark skdse against dse-dsmi, side by side, and write the tables of the docs.

    python doc/benchmarks/bench.py            # everything; the peer takes hours
    python doc/benchmarks/bench.py --quick    # small sizes, to see that it works
    python doc/benchmarks/bench.py --jobs "dse_1000*,dsmi_*" --skip "*_60000" --add
    python doc/benchmarks/bench.py --peer-repeats 1 --against ../skdse-0.1.0

Every measurement is a process of its own (not with --quick), see measure.py. The
contenders of a job take turns, A B A B; the table has medians. Before each run another
process uses memory and frees it, which a virtual machine then has at hand. Peak memory
is that of the whole process, interpreter, libraries and data included; "beyond data" is
what the call added to it. With --against, another checkout of skdse takes its turns,
too: what it takes is in the column before_seconds.

Another run of skdse, which is not timed for the table, tells the stages that its time
goes to, see stages.py. They are written beside the table: results_breakdown.csv beside
results.csv. Needs the extra "bench".
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
from datetime import date
from fnmatch import fnmatch
from pathlib import Path

import jobs
from measure import measure
from results_file import ResultsFile
from stages import REST, STAGES

HERE = Path(__file__).parent
JOB = ("job", "what", "settings", "contender", "measured")
COLUMNS = (
    *JOB,
    "value",
    "std_error",
    "seconds",
    "seconds_min",
    "seconds_max",
    "runs",
    "peak_gib",
    "beyond_data_gib",
    "faster",
    "before_seconds",
    "of_before",
)
BREAKDOWN = (*JOB, "seconds", "profiled_seconds", "n_products", *STAGES, REST)
BEFORE = "skdse before"  # the checkout of --against, as a contender
# Memory that is used and freed before each run, at most.
TOUCHED_BYTES = 10 * 2**30


def main(argv=None):
    """Run the jobs asked for and write their tables; 1 where any run failed."""
    options = parse(argv)
    out = options.out or HERE / ("quick.csv" if options.quick else "results.csv")
    table = ResultsFile(out, COLUMNS, options.add, _remark(options.against))
    beside = out.with_name(f"{out.stem}_breakdown.csv")
    breakdown = ResultsFile(beside, BREAKDOWN, options.add)
    rows, failed = [], []
    for name in _wanted(options):
        new = _run_job(name, options, failed)
        table.add(new)
        breakdown.add(_break_down(new, options, failed))
        rows += new
    print(_for_terminal(rows))
    for line in failed:
        print(f"failed: {line}")
    return min(len(failed), 1)


def parse(argv=None):
    """Options of the command line."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    add = parser.add_argument
    add("--quick", action="store_true", help="small sizes, one run, one process")
    add("--jobs", default="*", help="names, separated by commas, with * and ?")
    add("--skip", default="", help="names of jobs to leave out")
    add("--contenders", default="*", help="names; all by default")
    add("--repeats", type=int, default=5, help="largest number of runs")
    add("--peer-repeats", type=int, help="largest number of runs of dse-dsmi")
    add("--against", type=Path, help="folder of another checkout of skdse")
    add("--no-breakdown", action="store_true", help="do not tell the stages")
    add("--add", action="store_true", help="keep other rows that are in the files")
    add("--data-home", help="folder with mnist.npz, else OpenML's")
    add("--out", type=Path, help="CSV file of the table")
    return parser.parse_args(argv)


def _remark(checkout):
    """What to say of the other checkout: its commit, if it is one of git."""
    if checkout is None:
        return ""
    command = ["git", "-C", checkout, "rev-parse", "--short", "HEAD"]
    done = subprocess.run(command, capture_output=True, text=True)
    return f"time before: commit {done.stdout.strip() or 'unknown'}"


def _wanted(options):
    """Names of the jobs to run."""
    names = [
        name
        for name in jobs.JOBS
        if _is_among(name, options.jobs) and not _is_among(name, options.skip)
    ]
    if not names:
        raise SystemExit(f"no such job; there are {', '.join(jobs.JOBS)}")
    return names


def _is_among(name, patterns):
    """Whether a name fits one of the patterns, separated by commas."""
    return any(fnmatch(name, pattern) for pattern in patterns.split(","))


def _run_job(name, options, failed):
    """Measure the contenders of a job in turn; rows of the table."""
    job = jobs.JOBS[name]
    found = {one: [] for one in job.contenders if _is_among(one, options.contenders)}
    if options.against and jobs.SKDSE in found:
        found[BEFORE] = []
    repeats = {one: n_repeats(job, one, options) for one in found}
    for run in range(max(repeats.values(), default=0)):
        for contender, runs in found.items():
            if run < repeats[contender] and len(runs) == run:  # none has failed
                print(f"{name}: {contender}, run {run + 1}", file=sys.stderr)
                runs += _attempt(name, contender, options, failed)
    before = found.pop(BEFORE, [])
    rows = [_summary(name, one, runs) for one, runs in found.items() if runs]
    for row in rows:
        if before and row["contender"] == jobs.SKDSE:
            row["before_seconds"] = _median(before, "seconds")
            row["of_before"] = row["seconds"] / row["before_seconds"]
    return rows


def n_repeats(job, contender, options):
    """Runs of a contender."""
    if options.quick or contender in job.once:
        return 1
    repeats = min(options.repeats, job.repeats)
    if contender == jobs.PEER and options.peer_repeats is not None:
        return min(options.peer_repeats, repeats)
    return repeats


def _break_down(rows, options, failed):
    """Stages of skdse in the job of these rows; rows of their table."""
    timed = [row for row in rows if row["contender"] == jobs.SKDSE]
    if options.no_breakdown or not timed:
        return []
    (row,) = timed
    print(f"{row['job']}: stages", file=sys.stderr)
    shared = {key: row[key] for key in (*JOB, "seconds")}
    found = _attempt(row["job"], jobs.SKDSE, options, failed, stages=True)
    return [shared | one for one in found]


def _attempt(name, contender, options, failed, *, stages=False):
    """List of one measurement, or of none where it failed, which is noted."""
    try:
        if options.quick and contender != BEFORE:
            more = {"quick": True, "data_home": options.data_home}
            return [measure(name, contender, stages=stages, **more)]
        return [_in_process(name, contender, options, stages)]
    except subprocess.CalledProcessError as error:  # its reason is printed above
        failed.append(f"{name}, {contender}: exit status {error.returncode}")
        return []


def _in_process(name, contender, options, stages):
    """One measurement in a fresh process."""
    environment = dict(os.environ)
    if contender == BEFORE:
        environment["PYTHONPATH"] = str(options.against.resolve(strict=True))
        contender = jobs.SKDSE
    command = [sys.executable, HERE / "measure.py", name, contender]
    command += ["--stages"] if stages else []
    command += ["--quick"] if options.quick else []
    command += ["--data-home", options.data_home] if options.data_home else []
    _touch_memory()
    done = subprocess.run(
        command, check=True, stdout=subprocess.PIPE, text=True, env=environment
    )
    return json.loads(done.stdout.splitlines()[-1])


def _touch_memory():
    """Use memory and free it, by another process.

    A virtual machine takes up to three seconds for a GiB that it has not used of late,
    and a tenth of one else: no time of the contenders.
    """
    import psutil

    size = min(TOUCHED_BYTES, psutil.virtual_memory().available // 2)
    code = f"import numpy as np; np.empty({size}, np.uint8)[::4096] = 1"
    subprocess.run([sys.executable, "-c", code], check=True)


def _summary(name, contender, runs):
    """Row of the table: medians of the runs of one contender."""
    seconds = [run["seconds"] for run in runs]
    return {
        "job": name,
        "what": jobs.JOBS[name].what,
        "settings": jobs.JOBS[name].settings,
        "contender": contender,
        "measured": str(date.today()),
        "value": runs[0]["value"],
        "std_error": runs[0]["std_error"],
        "seconds": statistics.median(seconds),
        "seconds_min": min(seconds),
        "seconds_max": max(seconds),
        "runs": len(runs),
        "peak_gib": _median(runs, "peak") / 2**30,
        "beyond_data_gib": _median(runs, "beyond") / 2**30,
    }


def _median(runs, key):
    """Median over runs."""
    return statistics.median(run[key] for run in runs)


def _for_terminal(rows):
    """Table for a terminal."""
    lines = [f"{'job':26}{'contender':14}{'value':>11}{'± se':>9}{'seconds':>9}"]
    lines[0] += f"{'faster':>9}{'of before':>11}{'peak GiB':>10}{'beyond':>8}"
    for row in rows:
        lines.append(
            f"{row['job']:26}{row['contender']:14}{row['value']:11.5f}"
            f"{row['std_error']:9.1e}{row['seconds']:9.3f}"
            f"{row['faster'] or 1:8.1f}x{row.get('of_before', ''):>11.4}"
            f"{row['peak_gib']:10.2f}{row['beyond_data_gib']:8.2f}"
        )
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main())
