"""What reduced distances cost, by the solver lanczos and by all eigenvalues.

python doc/studies/reduced_cost.py --out doc/studies/results
"""

import argparse
import time
import warnings
from pathlib import Path

import numpy as np
import pandas as pd
from sklearn.exceptions import ConvergenceWarning

from skdse import DiffusionSpectralEntropy

N = 6000
RUNS = (("median", "lanczos"), ("reduced", "lanczos"), ("reduced", "dense32"))


def data_sets():
    """Samples without structure, and ten clusters."""
    rng = np.random.default_rng(0)
    yield "uniform, 256 features", rng.uniform(-1, 1, size=(N, 256))
    centers = 5 * rng.normal(size=(10, 64))
    X = centers[np.arange(N) % 10] + rng.normal(size=(N, 64))
    yield "10 clusters, 64 features", X


def main():
    """Write a row for each data set, rule and solver."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--out", required=True, help="folder for the table")
    args = parser.parse_args()
    warnings.simplefilter("ignore", ConvergenceWarning)
    rows = []
    for name, X in data_sets():
        for rule, solver in RUNS:
            dse = DiffusionSpectralEntropy(
                bandwidth=rule, eigen_solver=solver, random_state=0
            )
            start = time.process_time()
            dse.fit(X.astype(np.float32))
            rows.append(
                {
                    "data": name,
                    "bandwidth": rule,
                    "eigen_solver": solver,
                    "seconds": f"{time.process_time() - start:.1f}",
                    "DSE [bits]": f"{dse.entropy_:.3f}",
                    "standard error": f"{dse.entropy_std_error_:.1e}",
                }
            )
            print(rows[-1], flush=True)
    pd.DataFrame(rows).to_csv(Path(args.out) / "reduced_cost.csv", index=False)


if __name__ == "__main__":
    main()
