"""Products of the Gaussian affinity on CUDA that never write a tile to memory.

A program of the kernel has some rows of the affinity G, and goes through all columns in
blocks: it makes a block of exponents, turns it into affinities and multiplies these by
rows of V, all in registers. The exponents are, see `kernels`,

    (r² - ‖x - y‖²) / (2 σ τ) = a·b + h_a u_b + u_a h_b,
    a = x/σ,  u_a = 1/σ,  h_a = (r²/2 - ‖x‖²)/(2 σ).

They, and the products with V, are exact to float32: each factor is the sum of two parts
with the digits of TF32, and three of the four products of parts are added (a single one
would have an error of 1e-3). Tensor cores cut off the last digits of their sums, which
draws long sums down: theirs are short, and are added by the other cores; those over all
columns with what the addition loses (Kahan).

All tiles of G are made, not only those of its lower triangle: a program that used a
tile for both of its sides would add to rows of others, in an order that changes, or by
way of memory. So the same bits come out each time. Whether half of the tiles, with the
sums for their other sides in memory, are faster has not been measured.

Imported where Triton is needed, since Triton may not be there.
"""

from contextlib import nullcontext

import numpy as np
import torch
import triton
import triton.language as tl

from .._tools.arrays import contiguous_columns
from .._tools.parallel import row_blocks
from .gibbs import SQUARINGS

# Rows of a block, and columns of V that it is multiplied by, least and most.
ROWS, WIDTHS = tl.constexpr(128), (16, 64)
N_SQUARINGS = tl.constexpr(SQUARINGS)
# Features that a program holds of its rows. More come in slices, and then the blocks
# are wider. By the registers that ptxas counts for an H100, next to none spills.
HELD_FEATURES, SLICE = 64, 32
COLUMNS, WIDE_COLUMNS = 32, 64
# Root mean square error of an entry: the rounding of its exponent, of a few units.
ENTRY_ERROR = 5e-7
# Rows of the samples whose factors are made at a time.
BLOCK_ROWS = 2**16


class TritonProducts:
    """Products of a Gaussian affinity with blocks, see the module.

    Parameters
    ----------
    entries : GaussianEntries, SquaredEntries or GibbsEntries
        Entries, with exponents in float32, of samples in a tensor.
    kind : int
        Number of their kind: 0, 1, 2 in this order.
    """

    entry_error = ENTRY_ERROR

    def __init__(self, entries, kind):
        n, d = entries.X.shape
        self.kind = kind
        self.taken_off = float(np.max(getattr(entries, "taken_off", 0.0)))
        self.slice = SLICE if d > HELD_FEATURES else triton.next_power_of_2(max(d, 16))
        # Zeros after the features, so that slices are whole.
        self.depth = triton.cdiv(d, self.slice) * self.slice
        where = {"device": entries.X.device, "dtype": torch.float32}
        self.A = torch.zeros((n, self.depth), **where)
        self.H, self.U = torch.empty(n, **where), torch.empty(n, **where)
        for rows in row_blocks(n, BLOCK_ROWS):
            factor = entries.factor(rows, 0)
            self.A[rows, :d] = factor[:, :d]
            self.H[rows], self.U[rows] = factor[:, d], factor[:, d + 1]
        # As `columns_a_tile` of the entries, but that tiles serve one side.
        self.columns_a_tile = d + 20

    def products(self, n, V=None, v=None):
        """Product of G with V, and that of its squared entries with v; of n samples.

        What is not asked for is None.
        """
        product = squares = None
        if V is not None:
            V_shape, V = V.shape, contiguous_columns(V, np.float32)
            V, n_columns = _padded(V), V.shape[1]
            product = torch.empty_like(V)
        if v is not None:
            v_shape, v = v.shape, contiguous_columns(v, np.float32)
            squares = torch.empty_like(v)
        self._launch(n, V, product, v, squares)
        if V is not None:
            product = product[:, :n_columns].reshape(V_shape)
        return product, squares if v is None else squares.reshape(v_shape)

    def _launch(self, n, V, product, v, squares):
        """Run the kernel."""
        width = WIDTHS[0] if V is None else V.shape[1]
        wide, is_held = min(width, WIDTHS[1]), self.slice == self.depth
        grid = triton.cdiv(n, ROWS.value), width // wide
        with torch.cuda.device(self.A.device) if self.A.is_cuda else nullcontext():
            _products[grid](
                *(self.A, self.H, self.U, V, product, v, squares, n, self.taken_off),
                DEPTH=self.depth,
                KIND=self.kind,
                COLUMNS=COLUMNS if is_held else WIDE_COLUMNS,
                SLICE=self.slice,
                WIDE=wide,
                num_warps=4 if is_held and wide <= 32 else 8,
                num_stages=2,
                enable_fp_fusion=True,
            )


def _padded(V):
    """V with columns of zeros, up to a power of 2 or a multiple of the most."""
    least, most = WIDTHS
    n_columns = V.shape[1]
    width = max(least, triton.next_power_of_2(n_columns))
    width = min(width, triton.cdiv(n_columns, most) * most) if width > most else width
    more = width - n_columns
    return torch.nn.functional.pad(V, (0, more)) if more else V


@triton.jit
def _products(
    A,
    H,
    U,
    V,
    PRODUCT,
    SQUARE_V,
    SQUARES,
    n,
    taken_off,
    DEPTH: tl.constexpr,
    KIND: tl.constexpr,
    COLUMNS: tl.constexpr,
    SLICE: tl.constexpr,
    WIDE: tl.constexpr,
):
    """Rows of G V, and of the product of a vector with the squared entries of G."""
    i = tl.program_id(0) * ROWS + tl.arange(0, ROWS)
    stride, first = tl.num_programs(1) * WIDE, tl.program_id(1) * WIDE
    columns_of_v = first + tl.arange(0, WIDE)[None, :]
    total, lost = tl.zeros((ROWS, WIDE), tl.float32), tl.zeros((ROWS, WIDE), tl.float32)
    squares, squares_lost = tl.zeros((ROWS,), tl.float32), tl.zeros((ROWS,), tl.float32)
    for start in range(0, n, COLUMNS):
        j = start + tl.arange(0, COLUMNS)
        w = _affinities(A, H, U, i, j, n, taken_off, DEPTH, KIND, SLICE)
        if V is not None:
            at = _offsets(j, stride) + columns_of_v
            v = tl.load(V + at, mask=(j < n)[:, None], other=0.0)
            part = tl.dot(w, v, input_precision="tf32x3")
            total, lost = _add(total, lost, part)
        if SQUARE_V is not None:
            v = tl.load(SQUARE_V + j, mask=j < n, other=0.0)
            part = tl.sum(w * w * v[None, :], axis=1)
            squares, squares_lost = _add(squares, squares_lost, part)
    if V is not None:
        at = _offsets(i, stride) + columns_of_v
        tl.store(PRODUCT + at, total, mask=(i < n)[:, None])
    if SQUARE_V is not None:
        if first == 0:
            tl.store(SQUARES + i, squares, mask=i < n)


@triton.jit
def _affinities(
    A,
    H,
    U,
    i,
    j,
    n,
    taken_off,
    DEPTH: tl.constexpr,
    KIND: tl.constexpr,
    SLICE: tl.constexpr,
):
    """Affinities of samples i to samples j; finite where there are none."""
    h_i, u_i = tl.load(H + i, i < n, 0.0)[:, None], tl.load(U + i, i < n, 1.0)[:, None]
    h_j, u_j = tl.load(H + j, j < n, 0.0)[None, :], tl.load(U + j, j < n, 1.0)[None, :]
    # Subtracted, products are added to none of the tensor cores' own sums.
    minus = tl.zeros((i.shape[0], j.shape[0]), tl.float32)
    for k in range(0, DEPTH, SLICE):
        features = k + tl.arange(0, SLICE)
        a = tl.load(
            A + _offsets(i, DEPTH) + features[None, :], (i < n)[:, None], other=0.0
        )
        b = tl.load(
            A + tl.trans(_offsets(j, DEPTH)) + features[:, None],
            (j < n)[None, :],
            other=0.0,
        )
        minus -= tl.dot(a, b, input_precision="tf32x3")
    x = tl.minimum(h_i * u_j + u_i * h_j - minus, 0.0)  # above 0 by rounding
    w = _values(x, u_i, u_j, taken_off, KIND)
    return tl.where(i[:, None] == j[None, :], 1.0, w)


@triton.jit
def _values(x, u_i, u_j, taken_off, KIND: tl.constexpr):
    """Affinities by their exponents; of squared distances, and of Gibbs, see there."""
    if KIND == 1:
        x = tl.minimum(taken_off - 2.0 * x * x, 0.0)
    if KIND == 2:
        ratios = 2.0 * u_i * u_j / (u_i * u_i + u_j * u_j)
        x = x * ratios
    w = tl.exp(x)
    if KIND == 2:
        for _ in tl.static_range(N_SQUARINGS):
            ratios = ratios * ratios
        w = w * ratios
    return w


@triton.jit
def _offsets(rows, stride):
    """Places where rows begin; a million of 64 columns would do for int32, not more."""
    return rows.to(tl.int64)[:, None] * stride


@triton.jit
def _add(total, lost, part):
    """Sum of total and part, and what is lost of it, from what was lost before."""
    part = part - lost
    new = total + part
    return new, (new - total) - part
