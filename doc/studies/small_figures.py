"""What the small figures of the paper's findings share: colours, panels, claims.

Grey is what was claimed, blue is DSE, orange DSMI with the labels, green DSMI with the
input, as ``skdse.plotting`` draws them. The default is solid and filled, the paper's σ
dashed and hollow.
"""

import re

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.colors import to_hex, to_rgb
from matplotlib.ticker import NullLocator

DSE, DSMI, INPUT, OTHER = "#0072B2", "#D55E00", "#009E73", "0.35"
CLAIM = {"color": "0.6", "linewidth": 5, "alpha": 0.5, "zorder": 0}
ZONE = {"color": "0.86", "zorder": 0, "linewidth": 0}
WIDTH, HEIGHT = 3.8, 3  # inches, for the 300 to 350 pixels of a card
SHARES = {"a tenth": 0.1, "a fifth": 0.2}  # words of the claims


def read(name, results):
    """Table of a study."""
    return pd.read_csv(results / f"{name}.csv")


def claim_of(start, results):
    """Claim of the finding of which the name starts so."""
    table = read("findings", results)
    return table["The paper's claim"][table["Finding"].str.startswith(start)].iloc[0]


def claimed(start, results):
    """Numbers in the claim of a finding, in their order."""
    found = re.findall(r"-?\d[\d,]*\.?\d*", claim_of(start, results))
    return [float(one.replace(",", "")) for one in found]


def claimed_share(start, results):
    """Share that the claim of a finding has as a word."""
    claim = claim_of(start, results)
    return next(share for words, share in SHARES.items() if words in claim)


def panels(n_rows=1, n_columns=1, height=HEIGHT, **kwargs):
    """Figure of a card's size, and its axes as an array."""
    figure, axes = plt.subplots(
        n_rows,
        n_columns,
        squeeze=False,
        figsize=(WIDTH, height),
        layout="constrained",
        **kwargs,
    )
    for ax in axes.flat:
        ax.spines[["top", "right"]].set_visible(False)
        ax.tick_params(labelsize=9)
    return figure, axes


def look(setting, color):
    """Line and marker of a setting: the default, the paper's σ, any other."""
    if setting == "default":
        return {"color": color, "linestyle": "-", "marker": "o"}
    if "σ" in setting:
        return {"color": color, "linestyle": "--", "marker": "s", "mfc": "white"}
    return {"color": color, "linestyle": "-.", "marker": "^"}


def shades(color, n):
    """Colours from light to full."""
    paler = 1 - np.array(to_rgb(color))
    return [to_hex(1 - paler * one) for one in np.linspace(0.35, 1, n)]


def legend(figure, n_columns=3):
    """Legend above all panels, of what was drawn, each once."""
    found = {}
    for ax in figure.axes:
        found |= dict(zip(*reversed(ax.get_legend_handles_labels()), strict=True))
    figure.legend(
        found.values(),
        found.keys(),
        loc="outside upper center",
        ncols=n_columns,
        frameon=False,
        fontsize=9,
        columnspacing=1.2,
        handletextpad=0.5,
    )


def spread(ax, table, x, y, label=None, **options):
    """Mean of a column over repetitions as a line, least and most as a band."""
    groups = table.groupby(x)[y]
    mean = groups.mean()
    options = {"markersize": 4, "linewidth": 1.5} | options
    ax.plot(mean.index, mean, label=label, **options)
    ax.fill_between(
        mean.index,
        groups.min(),
        groups.max(),
        color=options["color"],
        alpha=0.2,
        linewidth=0,
    )


def logarithmic(ax, ticks):
    """Logarithmic x with few ticks, as 20,000."""
    ax.set_xscale("log")
    ax.set_xticks(ticks, [f"{one:,}" for one in ticks])
    ax.xaxis.set_minor_locator(NullLocator())
