"""Probe networks: the activations of their layers, and their measures as they train."""

from ._activations import layer_activations
from ._tracker import RepresentationTracker

__all__ = ["RepresentationTracker", "layer_activations"]
