"""Block Lanczos: an orthonormal basis Q of the Krylov space of random probes.

After m products of S with blocks of b columns, Qᵀ S Q = T is block tridiagonal, and R
couples its last block with the next one. All probes advance together, in float32 with
full reorthogonalisation; T is in float64.

Blocks, and the basis, lie where products are made; T and R always on the host.
"""

from dataclasses import dataclass

import numpy as np

from ..._tools.arrays import (
    astype,
    empty_columns,
    has_float64,
    is_device_array,
    like,
    map_parts,
    namespace,
    to_host,
)
from ..._tools.parallel import row_blocks

# Elements of a block of vectors beyond which the host works on parts of its rows, and
# elements of a part. BLAS shares smaller blocks among its threads itself.
LARGE, PART_ELEMENTS = 2**24, 2**22


@dataclass(frozen=True)
class Krylov:
    """Block Lanczos after some steps, and the block to multiply next.

    Attributes
    ----------
    fixed : ndarray of shape (n_samples, n_fixed)
        Known eigenvectors, projected out.
    basis : ndarray of shape (n_samples, >= len(T) + len(R)), Fortran order
        Q, then the next block, then room for more.
    T : ndarray of shape (n_columns, n_columns)
        S in the basis Q.
    edges : tuple of int
        Columns of T at which blocks begin, and the end of T.
    R : ndarray of shape (n_next, n_last)
        Coupling of the next block with the last one.
    """

    fixed: np.ndarray
    basis: np.ndarray
    T: np.ndarray
    edges: tuple
    R: np.ndarray

    @property
    def n_probes(self):
        """Columns of the first block."""
        return self.edges[1]

    @property
    def n_steps(self):
        """Products made."""
        return len(self.edges) - 1


def start(n, b, fixed, probes, rng, n_columns=0):
    """Krylov space of b new Haar probes, orthogonal to `fixed` and to old probes.

    There is room for n_columns in its basis from the start: memory that is not used is
    not taken, and nothing is copied to make room.
    """
    Z = orthonormal_probes(n, b, fixed, probes, rng)
    basis = empty_columns((n, max(n_columns, 2 * Z.shape[1])), Z)
    basis[:, : Z.shape[1]] = Z
    return Krylov(fixed, basis, np.zeros((0, 0)), (0,), np.eye(Z.shape[1]))


def orthonormal_probes(n, b, fixed, probes, rng):
    """Draw b Haar probes, orthogonal to `fixed`, to old probes and to each other."""
    Z = like(rng.standard_normal((n, b), dtype=np.float32), fixed)
    for _ in range(2):
        Z, _ = _project_out(Z, probes, fixed)
    return _orthonormalise(Z, 1e-3)[0]


def step(krylov, matmat):
    """One block Lanczos step: one product, T grows by one block."""
    k = len(krylov.T)
    end = k + len(krylov.R)
    Q = krylov.basis[:, :end]
    W = matmat(Q[:, k:])
    size = _largest_norm(W)
    W, H = _project_out(W, krylov.fixed, Q)
    W, again = _project_out(W, krylov.fixed, Q)  # one pass is not enough in float32
    W, R = _orthonormalise(W, 1e-6 * size)
    if len(R) and np.linalg.norm(R, -2) < 1e-3 * size:
        # What rounding leaves of Q counts for more in a direction that was short.
        W, _ = _project_out(W, krylov.fixed, Q)
        W, rotation = _orthonormalise(W, 0.0)
        R = rotation @ R
    T = np.zeros((end, end))
    T[:k, :k] = krylov.T
    T[:, k:] = to_host(H).astype(np.float64) + to_host(again)
    T[k:, :k] = T[:k, k:].T
    T[k:, k:] = (T[k:, k:] + T[k:, k:].T) / 2
    basis = _with_room(krylov.basis, end, W.shape[1])
    basis[:, end : end + W.shape[1]] = W
    return Krylov(krylov.fixed, basis, T, (*krylov.edges, end), R)


def truncated(krylov, steps):
    """T and R of the same Krylov space some steps earlier."""
    if steps == 0:
        return krylov.T, krylov.R, krylov.edges
    edges = krylov.edges[:-steps]
    k, end = edges[-1], krylov.edges[len(edges)]
    return krylov.T[:k, :k], krylov.T[k:end, edges[-2] : k], edges


def _orthonormalise(W, floor):
    """Q, R with W = Q R; directions shorter than `floor` are dropped."""
    R = np.eye(W.shape[1])
    for _ in range(2):  # the second pass removes what the first one's rounding leaves
        values, U = np.linalg.eigh(_products(W))
        keep = values > floor**2
        U, root = U[:, keep], np.sqrt(values[keep])
        W = W @ like(U / root, W)
        R = root[:, None] * U.T @ R
        floor = 0.0
    return W, R


def _products(W):
    """Dot products WᵀW of all columns, in float64, on the host."""

    def of_rows(rows):
        part = W[rows, :]
        # A device without float64 lends the block to the host.
        part = astype(part if has_float64(W) else to_host(part), np.float64)
        return to_host(part.T @ part)

    return sum(map_parts(of_rows, _parts_of(W), W))


def _largest_norm(W):
    """Largest norm of a column."""

    def of_rows(rows):
        return to_host(namespace(W).sum(astype(W[rows, :], np.float64) ** 2, axis=0))

    return float(max(sum(map_parts(of_rows, _parts_of(W), W)))) ** 0.5


def _project_out(W, *bases):
    """W minus its components on orthonormal bases, and those on the last basis."""
    for Q in bases:
        W, H = _without_components(W, Q)
    return W, H


def _without_components(W, Q):
    """W minus its components on an orthonormal basis, and these."""
    parts = _parts_of(W)
    H = sum(map_parts(lambda rows: Q[rows, :].T @ W[rows, :], parts, W))
    if len(parts) == 1:
        return W - Q @ H, H
    left = np.empty(W.shape, W.dtype)

    def take_off(rows):
        left[rows] = W[rows] - Q[rows] @ H

    map_parts(take_off, parts, W)
    return left, H


def _parts_of(W):
    """Slices of the rows of a block that are worked on at a time; mostly one.

    The parts of a large block on the host are for threads. Their work arrays are small.
    """
    if is_device_array(W) or W.size <= LARGE:
        return [slice(0, W.shape[0])]
    return row_blocks(W.shape[0], PART_ELEMENTS // W.shape[1])


def _with_room(basis, used, more):
    """The basis with room for `more` columns after the first `used`."""
    if used + more <= basis.shape[1]:
        return basis
    grown = empty_columns((basis.shape[0], used + max(more, used)), basis)
    grown[:, :used] = basis[:, :used]
    return grown
