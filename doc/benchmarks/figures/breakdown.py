"""Where the time of skdse goes in each job: a bar of shares, by stage."""

import csv
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np

# This runs in its own folder.
FILE = Path("..") / "results_breakdown.csv"
STAGES = (
    "search",
    "bandwidth",
    "affinity",
    "products",
    "orthogonalisation",
    "quadrature",
    "dense solver",
    "rest",
)
COLORS = ("#8c6bb1", "#41ab5d", "#2c7fb8", "#7fcdbb", "#fdae61", "#d7301f", "#525252")

with open(FILE, encoding="utf-8") as lines:
    rows = list(csv.DictReader(line for line in lines if line[0] != "#"))
seconds = np.array([[float(row[stage]) for stage in STAGES] for row in rows])
shares = 100 * seconds / seconds.sum(axis=1, keepdims=True)
# Without what is said of other contenders.
names = [row["what"].partition(";")[0].partition(", beside")[0] for row in rows]
times = [f"{float(row['seconds']):.3g} s" for row in rows]

fig, ax = plt.subplots(figsize=(9.5, 1.2 + 0.27 * len(rows)), layout="constrained")
left = np.zeros(len(rows))
for share, stage, color in zip(shares.T, STAGES, (*COLORS, "#d9d9d9"), strict=True):
    ax.barh(
        range(len(rows)), share, left=left, color=color, edgecolor="white", label=stage
    )
    left += share
ax.margins(y=0.01)
ax.invert_yaxis()
ax.set_yticks(range(len(rows)), names)
for place, text in enumerate(times):
    ax.annotate(text, (101, place), va="center", annotation_clip=False)
ax.set(xlim=(0, 100), xlabel="share of the time [%]")
ax.tick_params(axis="y", length=0)
ax.spines[["left", "top", "right"]].set_visible(False)
fig.legend(loc="outside upper center", ncols=4, frameon=False)
