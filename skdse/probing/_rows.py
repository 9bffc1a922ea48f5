"""Rows of a layer as batches bring them, in one piece of memory written in place.

batches ─► one array or tensor ─► rows left out in place ─► Z of the layer.
"""

import numpy as np

from ._inputs import imported_torch

# Rows that are moved at a time where others are left out.
MOVED = 256


class Rows:
    """Rows of a layer, of at most so many at a time.

    Memory for most rows is taken at the first batch: a piece that grew would leave
    holes, which the process keeps. most is None where nobody knows how many there will
    be. Then batches stay as they are until the end.

    Attributes
    ----------
    n_rows : int
        Number of rows so far.
    """

    def __init__(self, name, most=None):
        self.name, self.most = name, most
        self._parts, self._rows, self.n_rows = [], None, 0

    def append(self, Z):
        """Add the rows of a batch, arrays or tensors, behind those there are."""
        self._check_width(Z)
        n = self.n_rows + len(Z)
        if self.most is None:
            self._parts.append(Z)
        else:
            self._reserve(n, Z)
            self._rows[self.n_rows : n] = Z
        self.n_rows = n

    def keep(self, places):
        """Keep rows at these places, in ascending order; most must be known."""
        # The place of a row is never before where it goes: none is lost.
        for start in range(0, len(places), MOVED):
            moved = places[start : start + MOVED]
            self._rows[start : start + len(moved)] = self._rows[moved]
        self.n_rows = len(places)

    def finish(self):
        """All rows, in memory of no more than their size."""
        if self.most is None:
            return self._parts[0] if len(self._parts) == 1 else _joined(self._parts)
        is_full = len(self._rows) == self.n_rows
        return self._rows if is_full else _joined([self._rows[: self.n_rows]])

    def _reserve(self, n, Z):
        """Make room for n rows such as those of Z."""
        before = self._rows
        if before is None:
            self._rows = _empty_like(Z, max(n, self.most))
        elif n > len(before):
            self._rows = _empty_like(Z, n)
            self._rows[: self.n_rows] = before[: self.n_rows]

    def _check_width(self, Z):
        """Raise where Z has another number of features than rows before."""
        before = self._parts[0] if self._parts else self._rows
        if before is not None and before.shape[1] != Z.shape[1]:
            widths = sorted((before.shape[1], Z.shape[1]))
            raise ValueError(
                f"layer {self.name!r} gives {widths[0]} features in one batch and "
                f"{widths[1]} in another: pad the samples to one length, or use a "
                "pooling over tokens, such as 'mean'."
            )


def _empty_like(Z, n_rows):
    """Array or tensor of so many rows, where Z is, without values."""
    if isinstance(Z, np.ndarray):
        return np.empty((n_rows, *Z.shape[1:]), Z.dtype)
    return Z.new_empty((n_rows, *Z.shape[1:]))


def _joined(parts):
    """Rows of several arrays or tensors as one that has memory of its own."""
    if isinstance(parts[0], np.ndarray):
        return np.concatenate(parts)
    return imported_torch().cat(parts)
