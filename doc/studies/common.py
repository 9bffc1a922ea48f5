"""What the studies of the paper's findings share: options, images, tables on disk.

Every study takes ``--quick`` (small sizes, to see that it works), ``--out`` (folder of
``results`` and ``figures``) and, as fits, ``--seeds``, ``--data-home`` and ``--cache``.
"""

import argparse
import sys
import time
import zlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

HERE = Path(__file__).parent
OPENML = {"mnist": "mnist_784", "cifar10": "CIFAR_10", "stl10": "STL-10"}
N_TRAIN = {"mnist": 60_000, "cifar10": 50_000, "stl10": 5000}
# Held-out images: the first half is measured and tells the accuracy of probes, the
# second half trains the probes.
N_HELD_OUT = 2000


def parser(doc, *names):
    """Parser of a study's options, its name and purpose from its docstring."""
    options = argparse.ArgumentParser(
        description=doc, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    options.add_argument(
        "--quick", action="store_true", help="small sizes, to see that it works"
    )
    options.add_argument(
        "--out", type=Path, default=HERE, help="folder of results and figures"
    )
    if "seeds" in names:
        options.add_argument("--seeds", type=int, default=3, help="repetitions")
    if "data-home" in names:
        options.add_argument(
            "--data-home",
            help="folder with NAME.npz of X_train, y_train, X_test, y_test, pixels "
            "from 0 to 255, channels last; else scikit-learn fetches OpenML's",
        )
        options.add_argument(
            "--datasets", nargs="+", default=["mnist", "cifar10"], choices=OPENML
        )
    if "cache" in names:
        options.add_argument(
            "--cache", type=Path, required=True, help="folder of checkpoints"
        )
    return options


def parse(options):
    """Options; a quick run writes apart, unless it is told where."""
    options = options.parse_args()
    if options.quick and options.out == HERE:
        options.out = HERE / "quick"
    for name in ("results", "figures"):
        (options.out / name).mkdir(parents=True, exist_ok=True)
    return options


def say(start, text):
    """Tell on standard error how far the work is."""
    print(f"{time.perf_counter() - start:6.0f} s {text}", file=sys.stderr, flush=True)


def seed_of(*parts):
    """Seed that depends on every part and on nothing else."""
    return zlib.crc32(repr(parts).encode())


def run_cases(path, cases, function, resume=True):
    """Table of ``function(**case)`` over cases, written as it grows and resumed.

    The function gives one dict or a list of them. Cases found in the table, by all
    of their items, are not run again.
    """
    path, start = Path(path), time.perf_counter()
    done = pd.read_csv(path) if resume and path.exists() else pd.DataFrame()
    for i, case in enumerate(cases, 1):
        if _has(done, case):
            continue
        rows = function(**case)
        rows = rows if isinstance(rows, list) else [rows]
        done = pd.concat([done, pd.DataFrame([{**case, **row} for row in rows])])
        done.to_csv(path, index=False, float_format="%.6g")
        say(start, f"{path.stem} {i}/{len(cases)} {case}")
    return pd.read_csv(path)


def _has(table, case):
    """Whether a table has rows of this case."""
    if table.empty or not set(case) <= set(table):
        return False
    return bool(np.logical_and.reduce([table[key] == case[key] for key in case]).any())


@dataclass(frozen=True)
class Images:
    """Images as float32 of shape (n, channels, height, width), centred to unit scale.

    The first half of ``test`` is what is measured.
    """

    name: str
    train: np.ndarray
    y_train: np.ndarray
    test: np.ndarray
    y_test: np.ndarray
    center: float
    scale: float

    def pixels(self):
        """Pixels of the test images from 0 to 255, channels last."""
        X = 255 * (self.test * self.scale + self.center)
        return X.transpose(0, 2, 3, 1).round().clip(0, 255)

    @property
    def n_measured(self):
        """Number of measured images."""
        return len(self.test) // 2


def load_images(name, data_home=None, n_train=5000, n_test=N_HELD_OUT):
    """Load random images of a data set, the same at each call."""
    X, y, X_test, y_test = _from_file(name, data_home) if data_home else _openml(name)
    rng = np.random.default_rng(0)
    rows, held_out = (rng.permutation(len(part)) for part in (X, X_test))
    rows, held_out = rows[:n_train], held_out[:n_test]
    train, test = (_channels_first(part) for part in (X[rows], X_test[held_out]))
    center, scale = train.mean(), train.std()
    train, test = ((part - center) / scale for part in (train, test))
    return Images(name, train, y[rows], test, y_test[held_out], center, scale)


def _from_file(name, data_home):
    """Arrays of a file NAME.npz."""
    with np.load(Path(data_home) / f"{name}.npz") as file:
        X, y, X_test, y_test = (
            file[key] for key in ("X_train", "y_train", "X_test", "y_test")
        )
    return X, y.astype(int).ravel(), X_test, y_test.astype(int).ravel()


def _openml(name):
    """Arrays from OpenML; its CIFAR-10 and STL-10 have one channel after the other."""
    from sklearn.datasets import fetch_openml

    X, y = fetch_openml(
        OPENML[name], version=1, return_X_y=True, as_frame=False, parser="liac-arff"
    )
    n_channels = 1 if name == "mnist" else 3
    side = round(np.sqrt(X.shape[1] / n_channels))
    X = X.reshape(-1, n_channels, side, side).transpose(0, 2, 3, 1)
    _, y = np.unique(y, return_inverse=True)
    n_train = N_TRAIN[name]
    return X[:n_train], y[:n_train], X[n_train:], y[n_train:]


def _channels_first(X):
    """Pixels from 0 to 1, channels first; images of 96 pixels are averaged to 32."""
    X = X.astype(np.float32) / 255
    X = X[:, None] if X.ndim == 3 else X.transpose(0, 3, 1, 2)
    n, n_channels, side, _ = X.shape
    if side == 96:
        X = X.reshape(n, n_channels, 32, 3, 32, 3).mean(axis=(3, 5))
    return np.ascontiguousarray(X)


def write_finding(out, name, setting, claim, measured, verdict):
    """Write the row of one finding, which findings.py puts in its page's table."""
    folder = Path(out) / "results" / "findings"
    folder.mkdir(exist_ok=True)
    row = {
        "Finding": name,
        "Setting": setting,
        "The paper's claim": claim,
        "Measured": measured,
        "Verdict": verdict,
    }
    slug = "".join(c if c.isalnum() else "_" for c in name.lower()).strip("_")
    pd.DataFrame([row]).to_csv(folder / f"{slug}.csv", index=False)
    print(f"{name}: {verdict}\n  {measured}")
