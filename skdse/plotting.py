"""Displays, in the manner of scikit-learn's: from_estimator or from_frame, then plot.

Each needs matplotlib (the extra ``plot``) when it draws. ``plot(ax=None)`` draws on new
or given axes and returns the display, whose ``ax_`` and ``figure_`` are open to change.
"""

from ._plot_entropy import EntropyCurveDisplay, SpectrumDisplay
from ._plot_layers import LayerProfileDisplay
from ._plot_mutual_info import MutualInfoDisplay
from ._plot_training import TrainingDynamicsDisplay

__all__ = [
    "EntropyCurveDisplay",
    "LayerProfileDisplay",
    "MutualInfoDisplay",
    "SpectrumDisplay",
    "TrainingDynamicsDisplay",
]
