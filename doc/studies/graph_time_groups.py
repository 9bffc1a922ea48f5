"""Does the time that makes DSE of a graph that of all pairs serve DSMI, too?

The representations of `graph_groups` (10 groups, graphs of 15 neighbours), ranked by
DSMI on the graph at fixed times, at the matched time of each, and at its root; how this
ranking agrees with that by DSMI of all pairs.

    cd doc/studies; python graph_time_groups.py [--data-home DIR]

Cases in the table are not measured again, so it can be stopped and resumed.
"""

from functools import cache

import numpy as np
from common import parse, parser, run_cases
from graph_groups import DATA, graph, mutual_info, representations
from scipy.stats import pearsonr, spearmanr

K = 15
TIMES = ("1", "2", "3", "5", "20", "matched", "root of matched")


@cache
def problem(name, data_home):
    """Representations, labels, and DSMI of all pairs and matched time of each."""
    rng = np.random.default_rng(0)
    X, y, others, labels = DATA[name](rng, data_home)
    found = representations(X, others, labels, rng)
    pairs = [mutual_info(None, Z, [y])[0] for Z in found.values()]
    times = [graph(K, "matched").fit(Z).t_ for Z in found.values()]
    return found, y, np.array(pairs), np.array(times)


def main():
    """Measure, and write the table."""
    options = parser(__doc__)
    options.add_argument("--data-home", help="folder with mnist.npz; else without it")
    options = parse(options)

    def measure(data, time):
        found, y, pairs, matched = problem(data, options.data_home)
        if time == "matched":
            times = matched
        elif time.startswith("root"):
            times = matched**0.5
        else:
            times = np.full(len(matched), float(time))
        values = [
            mutual_info(graph(K, float(t)), Z, [y])[0]
            for t, Z in zip(times, found.values(), strict=True)
        ]
        return {
            "t, least": times.min(),
            "t, most": times.max(),
            "Spearman": spearmanr(values, pairs).statistic,
            "Pearson": pearsonr(values, pairs).statistic,
            "least [bits]": min(values),
            "largest [bits]": max(values),
            "all pairs, largest [bits]": pairs.max(),
        }

    names = [name for name in DATA if name != "MNIST" or options.data_home]
    cases = [{"data": name, "time": time} for name in names for time in TIMES]
    path = options.out / "results" / "graph_time_groups.csv"
    print(run_cases(path, cases, measure).round(3).to_string(index=False))


if __name__ == "__main__":
    main()
