"""Files of results: rows of jobs as CSV, headed by how they were made."""

import csv
import importlib.metadata
import platform
from datetime import date
from pathlib import Path

import jobs


class ResultsFile:
    """Table of a file: a row for each contender of each job.

    Parameters
    ----------
    path : Path
        CSV file, written anew after each job: an interruption loses one.
    columns : tuple of str
        Its columns.
    keep : bool
        Whether to keep rows that are in the file until others are in their place.
    remark : str
        What else to say of how the rows were made.
    """

    def __init__(self, path, columns, keep, remark=""):
        self.path, self.columns, self.remark = path, columns, remark
        self.rows, self.comments = {}, []
        if keep and path.exists():
            rows, self.comments = read(path)
            self.rows = {_key(row): row for row in rows}

    def add(self, rows):
        """Put new rows in place of the old ones, and write the file."""
        if not rows:
            return
        self.rows |= {_key(row): row for row in rows}
        if "faster" in self.columns:
            _compare(self.rows, rows[0]["job"])
        new = [*circumstances(), *([self.remark] if self.remark else [])]
        new = [line for line in new if line not in self.comments]
        with open(self.path, "w", newline="", encoding="utf-8") as file:
            for line in (*self.comments, *new):
                file.write(f"# {line}\n")
            writer = csv.DictWriter(file, self.columns, lineterminator="\n")
            writer.writeheader()
            for row in self._in_order():
                cells = {key: jobs.rounded(row.get(key, "")) for key in self.columns}
                writer.writerow(cells)

    def _in_order(self):
        """Rows by jobs and contenders; those of jobs that are no more are left out."""
        for name, job in jobs.JOBS.items():
            for contender in job.contenders:
                if (name, contender) in self.rows:
                    yield self.rows[name, contender]


def read(path):
    """Rows of a file and its comments."""
    lines = path.read_text(encoding="utf-8").splitlines()
    comments = [line[2:] for line in lines if line.startswith("#")]
    return list(csv.DictReader(line for line in lines if line[:1] != "#")), comments


def _key(row):
    """Job and contender of a row."""
    return row["job"], row["contender"]


def _compare(rows, name):
    """Tell how many times as fast as the slowest the contenders of a job are."""
    of_job = [row for row in rows.values() if row["job"] == name]
    slowest = max(float(row["seconds"]) for row in of_job)
    for row in of_job:
        seconds = float(row["seconds"])
        row["faster"] = slowest / seconds if seconds < slowest else ""


def circumstances():
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
