"""DSE against diffusion time: three blobs and one.

The paper's picture: 3000 samples in 2 and 3 dimensions, as three blobs or as one;
DSE against t from 1 to 999, by default, with the adaptive bandwidth, with σ = 10.

    python doc/studies/intuition.py
"""

import common
import numpy as np
from sklearn.datasets import make_blobs

from skdse import DiffusionSpectralEntropy

N_SAMPLES = 3000
TIMES = np.unique(np.geomspace(1, 999, 60).round())
SETTINGS = {
    "default": {},
    "adaptive": {"bandwidth": "adaptive"},
    "σ = 10": {"bandwidth": 10.0},
}
BLOBS = {1: np.zeros((1, 3)), 3: 100 * np.eye(3)}


def measure(blobs, d, repeat, n_samples=N_SAMPLES):
    """Rows of the entropy at each time; blobs of unit width, at least 100 apart."""
    centers = BLOBS[blobs][:, :d]
    X, _ = make_blobs(n_samples, centers=centers, random_state=repeat)
    rows = []
    for name, params in SETTINGS.items():
        dse = DiffusionSpectralEntropy(**params, eigen_solver="dense").fit(X)
        curve = dse.entropy_curve(TIMES)
        rows += [
            {"setting": name, "t": t, "entropy": value}
            for t, value in zip(TIMES, curve, strict=True)
        ]
    return rows


def judge(table, options):
    """Write the finding: what is left at large t is the number of blobs."""
    last = table[table["t"] == TIMES[-1]]
    ends = last.groupby(["setting", "blobs"])["entropy"].agg(["min", "max"])
    text = [
        f"{setting}, {blobs}: {row['min']:.2f} to {row['max']:.2f}"
        for (setting, blobs), row in ends.iterrows()
    ]

    def holds(setting):
        three, one = ends.loc[setting, 3], ends.loc[setting, 1]
        return abs(three["min"] - np.log2(3)) < 0.1 and one["max"] < 0.1

    verdicts = [
        f"{'confirmed' if holds(setting) else 'not confirmed'} ({setting})"
        for setting in SETTINGS
    ]
    common.write_finding(
        options.out,
        "What is left of DSE at large t",
        f"n = {N_SAMPLES} in 2 and 3 dimensions; {options.seeds} repetitions",
        "at large t DSE is log2 of the number of blobs: 0 bits for 1, 1.58 for 3",
        f"bits at t = {TIMES[-1]:.0f} by setting and blobs: " + "; ".join(text),
        ", ".join(verdicts),
    )


def draw(table, path):
    """DSE against t."""
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(
        1, 2, figsize=(9, 3.6), sharey=True, layout="constrained"
    )
    mean = table.groupby(["setting", "d", "blobs", "t"])["entropy"].mean()
    for ax, d in zip(axes, (2, 3), strict=True):
        for i, setting in enumerate(SETTINGS):
            for blobs, style in ((1, "--"), (3, "-")):
                curve = mean[setting, d, blobs]
                label = f"{blobs} blob{'s' * (blobs > 1)}, {setting}"
                ax.plot(curve.index, curve, style, color=f"C{i}", label=label)
        ax.axhline(np.log2(3), color="0.6", lw=0.8, zorder=0)
        ax.set(xscale="log", xlabel="diffusion time t", title=f"{d} dimensions")
    axes[0].set_ylabel("DSE (bits)")
    axes[0].annotate("log2 3", (1, np.log2(3)), va="bottom", fontsize=8, color="0.4")
    axes[1].legend(fontsize=8)
    figure.savefig(path, dpi=110)


def main():
    """Measure, draw, judge."""
    options = common.parse(common.parser(__doc__, "seeds"))
    n_samples = 300 if options.quick else N_SAMPLES
    cases = [
        {"blobs": blobs, "d": d, "repeat": repeat}
        for repeat in range(options.seeds)
        for blobs in BLOBS
        for d in (2, 3)
    ]
    table = common.run_cases(
        options.out / "results" / "intuition.csv",
        cases,
        lambda **case: measure(**case, n_samples=n_samples),
    )
    judge(table, options)
    draw(table, options.out / "figures" / "intuition.png")


if __name__ == "__main__":
    main()
