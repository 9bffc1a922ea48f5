"""Displays like those of scikit-learn: from_estimator or from_frame, then plot.

They need matplotlib (the extra ``plot``) to draw. ``plot(ax=None)`` draws on new or
given axes and returns the display. Its ``ax_`` and ``figure_`` can then be changed.
``frame()`` returns the points of the drawing as a table of pandas (the extra
``report``).
"""

from ._entropy import EntropyCurveDisplay
from ._layers import LayerProfileDisplay
from ._mutual_info import MutualInfoDisplay
from ._spectrum import SpectrumDisplay
from ._training import TrainingDynamicsDisplay

__all__ = [
    "EntropyCurveDisplay",
    "LayerProfileDisplay",
    "MutualInfoDisplay",
    "SpectrumDisplay",
    "TrainingDynamicsDisplay",
]
