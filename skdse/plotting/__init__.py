"""Displays, in the manner of scikit-learn's: from_estimator or from_frame, then plot.

Each needs matplotlib (the extra ``plot``) when it draws. ``plot(ax=None)`` draws on new
or given axes and returns the display, whose ``ax_`` and ``figure_`` are open to change.
"""

from ._entropy import EntropyCurveDisplay, SpectrumDisplay
from ._layers import LayerProfileDisplay
from ._mutual_info import MutualInfoDisplay
from ._training import TrainingDynamicsDisplay

__all__ = [
    "EntropyCurveDisplay",
    "LayerProfileDisplay",
    "MutualInfoDisplay",
    "SpectrumDisplay",
    "TrainingDynamicsDisplay",
]
