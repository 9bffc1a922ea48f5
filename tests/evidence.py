"""Figures that texts may quote: those of the benchmarks and studies."""

import csv
from pathlib import Path

ROOT = Path(__file__).parent.parent


def rows_of(path):
    """Rows of a table, without the comments before it."""
    lines = (ROOT / path).read_text(encoding="utf-8").splitlines()
    return list(csv.DictReader(line for line in lines if not line.startswith("#")))


def seconds_of(job, contender):
    """Time of a job as the benchmark measured it, with three digits at most."""
    (row,) = [
        one
        for one in rows_of("doc/benchmarks/results.csv")
        if (one["job"], one["contender"]) == (job, contender)
    ]
    seconds = float(row["seconds"])
    return f"{seconds:.2f}" if seconds < 10 else f"{seconds:.0f}"
