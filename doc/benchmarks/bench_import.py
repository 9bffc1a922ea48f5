"""Time to import skdse against the imports that it cannot do without.

Each import is timed in processes of its own, in turn; the medians and their ratio are
printed. The target is a ratio of at most 1.15.

    python doc/benchmarks/bench_import.py --repeats 15
"""

import argparse
import ast
import importlib.util
import statistics
import subprocess
import sys
from pathlib import Path

TIMED = (
    "import time; start = time.perf_counter(); {code}; "
    "print(time.perf_counter() - start)"
)


def imports_of_others():
    """Return the statements that import, at the top level of skdse, other packages."""
    root = Path(importlib.util.find_spec("skdse").origin).parent
    statements = set()
    waiting, seen = [root / "__init__.py"], set()
    while waiting:
        path = waiting.pop()
        if path in seen:
            continue
        seen.add(path)
        for node in ast.parse(path.read_text(encoding="utf-8")).body:
            if isinstance(node, ast.ImportFrom) and node.level:
                waiting.append(root / f"{node.module}.py")
            elif isinstance(node, (ast.Import, ast.ImportFrom)):
                statements.add(ast.unparse(node))
    return sorted(statements)


def seconds(code):
    """Time that a fresh process takes for the code."""
    command = [sys.executable, "-c", TIMED.format(code=code)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return float(done.stdout)


def main():
    """Print medians and ratio."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--repeats", type=int, default=15)
    repeats = parser.parse_args().repeats
    codes = {
        "what skdse needs": "; ".join(imports_of_others()),
        "skdse": "import skdse",
    }
    for code in codes.values():  # files into the cache of the system
        seconds(code)
    times = {name: [] for name in codes}
    for _ in range(repeats):
        for name, code in codes.items():
            times[name].append(seconds(code))
    medians = {name: statistics.median(values) for name, values in times.items()}
    for name, median in medians.items():
        print(f"{name:>16}: {median:.3f} s (median of {repeats})")
    ratio = medians["skdse"] / medians["what skdse needs"]
    print(f"{'ratio':>16}: {ratio:.3f} (target: at most 1.15)")


if __name__ == "__main__":
    main()
