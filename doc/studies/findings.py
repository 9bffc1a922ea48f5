"""Put the findings of all studies into one table, results/findings.csv.

python doc/studies/findings.py
"""

from pathlib import Path

import common
import pandas as pd

ORDER = (
    "DSE follows dimension",
    "Shannon is pinned",
    "Noise moves DSE little",
    "Entropy grows with alpha",
    "What is left",
    "DSMI follows corruption",
    "DSMI survives dimension",
    "DSMI is fast",
)


def position(name):
    """Toy studies in the order of the paper, then the numbered findings."""
    places = [i for i, start in enumerate(ORDER) if name.startswith(start)]
    return (places or [len(ORDER)])[0], name


def collect(folder):
    """Table of all findings on disk."""
    rows = [pd.read_csv(path) for path in sorted(Path(folder).glob("*.csv"))]
    table = pd.concat(rows)
    order = sorted(range(len(table)), key=lambda i: position(table["Finding"].iloc[i]))
    return table.iloc[order]


def main():
    """Write the table."""
    options = common.parse(common.parser(__doc__))
    results = options.out / "results"
    table = collect(results / "findings")
    table.to_csv(results / "findings.csv", index=False)
    print(table[["Finding", "Verdict"]].to_string(index=False))


if __name__ == "__main__":
    main()
