"""Memory for the tiles of a symmetric matrix, in one piece.

What threads ask for, an allocator may keep for threads to come: glibc keeps most of it,
so that a process stays larger by all its tiles. One piece that is asked for before
there are threads goes back to the system.
"""

import numpy as np

from .._tools.parallel import lower_tiles


class Shelf:
    """Places for the tiles of the lower triangle.

    Parameters
    ----------
    blocks : list of slice
        Rows of the tiles.
    dtype : dtype
        Precision of the tiles.
    n_tiles : int, optional
        How many tiles there is a place for, the first ones; all by default.
    """

    def __init__(self, blocks, dtype, n_tiles=None):
        self.blocks = blocks
        self.dtype = np.dtype(dtype)
        self._places, end = {}, 0
        for rows, columns in lower_tiles(blocks)[:n_tiles]:
            shape = length(rows), length(columns)
            self._places[tile_key(rows, columns)] = end, shape
            end += shape[0] * shape[1]
        # Of a large array the system gives memory for what is written alone.
        self._memory = np.empty(end, dtype)

    def suits(self, blocks, dtype):
        """Whether it is one for the tiles of these blocks."""
        return self.blocks == blocks and self.dtype == dtype

    def place(self, rows, columns):
        """Place of the tile that begins where these rows and columns do."""
        start, shape = self._places[tile_key(rows, columns)]
        return self._memory[start : start + shape[0] * shape[1]].reshape(shape)

    def put(self, tile, rows, columns):
        """Tile in its place, where it may have been made."""
        place = self.place(rows, columns)
        if not np.may_share_memory(place, tile):
            place[...] = tile
        return place


def tile_key(rows, columns):
    """Name of a tile; slices are none before Python 3.12."""
    return rows.start, columns.start


def length(block):
    """Number of rows of a block."""
    return block.stop - block.start
