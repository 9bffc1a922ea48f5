"""Displays like those of scikit-learn: from_estimator or from_frame, then plot.

They need matplotlib (the extra ``plot``) to draw. ``plot(ax=None)`` draws on new or
given axes and returns the display. Its ``ax_`` and ``figure_`` can then be changed.
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
