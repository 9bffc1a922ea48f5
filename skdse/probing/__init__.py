"""Probe networks: the activations of their layers, and their measures as they train."""

from ._activations import layer_activations
from ._collapse import Collapse, CollapseError, CollapseWarning
from ._tracker import RepresentationTracker

__all__ = [
    "Collapse",
    "CollapseError",
    "CollapseWarning",
    "RepresentationTracker",
    "layer_activations",
]
