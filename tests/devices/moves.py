"""What leaves the devices of array-api-strict, counted."""

import numpy as np
from places import on_device


class Moves:
    """Sizes of the arrays that went from a device to another, in entries."""

    def __init__(self, monkeypatch):
        self.sizes = []
        kind, sizes = type(on_device(np.zeros(1))), self.sizes
        move = kind.to_device

        def counted(array, device, /, **kwargs):
            if device != array.device:
                sizes.append(array.size)
            return move(array, device, **kwargs)

        monkeypatch.setattr(kind, "to_device", counted)

    @property
    def largest(self):
        """Entries of the largest array that was moved."""
        return max(self.sizes, default=0)
