"""What the displays share: axes, colours, checks.

matplotlib is imported where an axes is made, and nowhere else: a display that is given
its axes needs no pyplot.
"""

from typing import Any

import numpy as np
from sklearn.utils.validation import check_is_fitted

from .._tools.validation import check_kind

# Told apart by the colour-blind, on light and on dark backgrounds; markers and line
# styles tell them apart in print.
COLORS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9")
MARKERS = ("o", "s", "D", "^", "v", "P")
LINES = ("-", "--", "-.", ":", (0, (5, 1)), (0, (3, 1, 1, 1)))
BAND: dict[str, Any] = {"alpha": 0.25, "linewidth": 0}
# Its background shines through a little, so that no curve is lost behind it.
LEGEND = {"edgecolor": "none", "framealpha": 0.8}
PANEL_SIZE = (4.5, 3.8)  # inches


def style(i):
    """Colour, marker and line style of the i-th of several curves."""
    k = i % len(COLORS)
    return {"color": COLORS[k], "marker": MARKERS[k], "linestyle": LINES[k]}


def make_axes(display, ax, titles=("",), size=PANEL_SIZE):
    """Array of axes, one for each panel: those given, or those of a new figure."""
    n = len(titles)
    if ax is None:
        try:
            import matplotlib.pyplot as plt
        except ImportError as error:
            raise ImportError(
                f"{type(display).__name__}.plot needs matplotlib: "
                "pip install 'skdse[plot]'."
            ) from error
        width, height = size
        _, axes = plt.subplots(
            1, n, squeeze=False, figsize=(n * width, height), layout="constrained"
        )
        return axes[0]
    axes = np.ravel(np.asarray(ax, dtype=object))
    if len(axes) != n:
        raise ValueError(
            f"ax must be None or {n} axes, one for each of {list(titles)}; "
            f"got {len(axes)}."
        )
    return axes


def finish(ax, grid="y"):
    """Light grid, no frame."""
    ax.grid(axis=grid, alpha=0.3)
    ax.spines[["top", "right"]].set_visible(False)


def neutral(ax):
    """Colour that is seen on the background of the axes: that of its text."""
    return ax.xaxis.label.get_color()


def with_unit(name, unit, use=""):
    """Label of an axis; what it is good for stands below."""
    label = f"{name} [{unit}]" if unit else name
    return f"{label}\n(to {use})" if use else label


def check_fitted(estimator, kind):
    """Raise unless the estimator is a fitted one of the kind."""
    check_kind(estimator, kind, "estimator", "a fitted {}")
    check_is_fitted(estimator)
