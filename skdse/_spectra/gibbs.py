"""Entries of Gibbs' Gaussian, in which each sample has a bandwidth of its own.

    G_ij = r_ij^(p/2) exp(-r_ij d_ij² / (2 σ_i σ_j)),  r_ij = 2 σ_i σ_j / (σ_i² + σ_j²),

d Euclidean and r_ij in (0, 1] the alikeness of two bandwidths: 1 where they are equal,
and G then the plain Gaussian. The exponent is -d_ij² / (σ_i² + σ_j²).

No eigenvalue is negative where p is at least the number of features: with p features, G
is the inner product of Gaussian bumps of width σ_i/√2 around the samples; and powers of
r_ij = 1 / cosh(log σ_i - log σ_j) are positive definite themselves, so that p may be
larger.
"""

import numpy as np

from .._tools.arrays import at_most_0_in_place, exp_in_place, is_device_array, like
from .kernels import GaussianEntries, SquaredEntries
from .metrics import EUCLIDEAN, SQUARED

# The power p is 2 * 2**SQUARINGS. From 8 on next to no eigenvalue is negative, whatever
# the number of features, and DSMI ranks representations as with smaller powers (see the
# study of defaults); r^4 are two squarings. A p that follows the features would hide
# samples of different bandwidths from each other where there are many, and ranks worse.
SQUARINGS = 2
# Rows that are looked at more than once while they are in the cache.
STRIP_ROWS = 64
# Bandwidths whose ratios float32 has no room for.
NARROW = 1e-15


class GibbsEntries(GaussianEntries):
    """Tiles of Gibbs' Gaussian of all pairs of samples, by Euclidean distances.

    Parameters
    ----------
    X : ndarray of shape (n_samples, n_features)
        Samples; no copy is made.
    bandwidth : Bandwidth
        σ_i of the samples.
    dtype : dtype, default=float32
        Precision of the tiles, see GaussianEntries.
    """

    def __init__(self, X, bandwidth, dtype=np.float32):
        super().__init__(X, bandwidth, dtype=dtype)
        least, most = self.sigma.min(), self.sigma.max()
        if least < NARROW * most:
            self.exponent_dtype = np.float64
        # In a unit in which nothing leaves the range.
        sigma = (self.sigma / np.sqrt(least * most)).astype(self.exponent_dtype)
        self.left = np.column_stack([sigma, 1 / sigma])
        self.right = np.stack([1 / sigma, sigma])

    # Of samples out of reach squares are infinite, and affinities 0.
    @np.errstate(over="ignore", invalid="ignore")
    def tile(self, rows, columns, out=None):
        """Affinity of some rows and columns, which may be written to out."""
        if is_device_array(self.X):
            ratios = self._ratios(rows, columns)
            exponents = self._refined(
                self._product(rows, columns) * ratios, rows, columns
            )
            affinities = exp_in_place(at_most_0_in_place(exponents))
            return affinities * _half_power(ratios)
        tile = self._product(rows, columns, out)
        for exponents, ratios in self._strips(tile, rows, columns):
            np.minimum(exponents, 0, out=exponents)
            affinities = np.exp(exponents, out=exponents)
            affinities *= _half_power(ratios)
        return tile

    def exponents(self, rows, columns):
        """Exponents of some rows and columns; above 0 where the affinity is r^(p/2)."""
        exponents = self._product(rows, columns)
        if is_device_array(self.X):
            exponents = exponents * self._ratios(rows, columns)
            return self._refined(exponents, rows, columns)
        for _ in self._strips(exponents, rows, columns):
            pass
        return exponents

    def _strips(self, product, rows, columns):
        """Yield some rows of a product, made exponents in place, and their r_ij."""
        for start in range(rows.start, rows.stop, STRIP_ROWS):
            strip = slice(start, min(start + STRIP_ROWS, rows.stop))
            part = product[strip.start - rows.start : strip.stop - rows.start]
            ratios = self._ratios(strip, columns)
            part *= ratios
            yield self._refined(part, strip, columns), ratios

    def _ratios(self, rows, columns):
        """r_ij, by 2 / r_ij = σ_i / σ_j + σ_j / σ_i, a product of two columns."""
        left = like(self.left[rows], self.X, self.exponent_dtype)
        ratios = left @ like(self.right[:, columns], self.X, self.exponent_dtype)
        return 2 / ratios

    def _scales(self, left, right):
        """Factors of squared distances in the exponents of pairs."""
        return -1 / (self.sigma[left] ** 2 + self.sigma[right] ** 2)

    def _of_squares(self, squares, rows, columns):
        """Exponents of squares on a device."""
        left, right = (self._column(self.sigma[a]) for a in (rows, columns))
        return -squares / (left**2 + right.T**2)

    def _squared_bandwidths(self):
        """Of each sample its own, for (a + b) / (s + t) <= max(a / s, b / t)."""
        return self.sigma**2


def gaussian_entries(X, bandwidth, metric, dtype):
    """Maker of the tiles of the Gaussian that suits a bandwidth and a metric."""
    if is_local(bandwidth, metric):
        return GibbsEntries(X, bandwidth, dtype)
    if metric == SQUARED:
        return SquaredEntries(X, bandwidth, dtype)
    return GaussianEntries(X, bandwidth, metric, dtype)


def is_local(bandwidth, metric):
    """Whether samples have bandwidths of their own in a Euclidean space."""
    return bandwidth.is_adaptive and metric in EUCLIDEAN


def _half_power(ratios):
    """r^(p/2), in place."""
    for _ in range(SQUARINGS):
        ratios *= ratios
    return ratios
