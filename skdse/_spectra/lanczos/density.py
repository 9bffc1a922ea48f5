"""Density of a spectrum that is estimated: known eigenvalues, and nodes with weights.

Notation as in _spectrum, with M = Σ a_i^t, F = -Σ a_i^t log₂ a_i^t and so
S_D = log₂ M + F / M; T1 = Σ λ_i, T2 = Σ λ_i².

1. Calibration: the weights of the nodes are multiplied by the quadratic polynomial that
   gives them their known count, sum and sum of squares (from n, T1 and T2).
2. Standard error: the entropy is linearised to tr g(S). After calibration the error is
   that of tr r(S), r the residual of g after regression on 1, x, x². Its variance for b
   Haar-distributed probes is known, 2 ‖r(S)‖_F² / b up to the factor of a finite
   population, and the norm comes from the density itself: no spread of few probes is
   needed. To it come the truncation of the quadrature and the rounding of float32.

Nothing of this depends on t but g, so one density serves every t.
"""

from dataclasses import dataclass, field, replace
from typing import NamedTuple

import numpy as np

from ..drift import Drift
from ..estimates import EntropyEstimate, Rest
from ..spectrum import LONG_TIME, saturation

# The estimate stops where its error looks small, sometimes by chance: factor measured.
INFLATION = 1.15
# Rounding of float32 products moves eigenvalues by about this over sqrt(n).
ROUNDING = 2e-7
# A zero is lifted by at most so many times as much.
LIFTED = 10
# ... what is nearer to 1 than this, or than its error, counts as 1 at long times ...
LEADING_ROUNDING = 5e-7
# ... the traces of what is left after deflation, in units of 1 + tr S, by this ...
TRACE_ROUNDING = 2e-7
# ... and the entropy [bits] at least by this.
ENTROPY_ROUNDING = 1e-6
# 2 to this power is 0 in float64.
_LOG_ZERO = -1100.0
# Before this time it is told whether a node is 0: eigenvalues that are 0 do not count,
# and (1e-16)^t is no longer small. Guesses of the truncation error, which is then that
# of the kink at 0, are up to so many times too small there (measured).
SHORT_TIME, SHORT_INFLATION = 0.5, 3.0
_ZERO = 1e-14


class Errors(NamedTuple):
    """Parts of a standard error [bits]: their squares add up."""

    sampling: float
    truncation: float
    rounding: float


@dataclass(frozen=True)
class SpectralDensity:
    """Spectral density of a diffusion operator.

    Attributes
    ----------
    n_samples : int
        Number of all eigenvalues.
    trace : float
        Sum of all eigenvalues.
    squared_norm : float
        Sum of their squares.
    eigenvalues : ndarray of shape (n_known,)
        Eigenvalues found, largest modulus first; the first is 1.
    eigenvalue_errors : ndarray of shape (n_known,)
        Their errors, beyond rounding.
    nodes : ndarray of shape (n_nodes,)
        Nodes of the quadrature for the others.
    seen : ndarray of shape (n_nodes,)
        Weights of the nodes as the probes see them.
    weights : ndarray of shape (n_nodes,)
        Calibrated weights; their sum is n_samples - n_known.
    contrasts : tuple of (share, (Rule, ...))
        For each block of probes, its share of them and guesses of its truncation error.
    noise : float
        Norm that independent errors of the entries have as a matrix, without the factor
        2 / sqrt(n_samples).
    n_probes, n_steps, n_columns : int
        Random probes, Lanczos steps, and columns of all products.
    drift : Drift or None
        What the error of the bandwidth does.
    is_certified : bool
        Whether intervals contain the entropy for sure: they are of two standard errors.
    """

    n_samples: int
    trace: float
    squared_norm: float
    eigenvalues: np.ndarray
    eigenvalue_errors: np.ndarray
    nodes: np.ndarray
    seen: np.ndarray
    weights: np.ndarray
    contrasts: tuple = ()
    noise: float = 0.0
    n_probes: int = 0
    n_steps: int = 0
    n_columns: int = 0
    drift: Drift | None = None
    # Errors by time, once they were asked for; `replace` starts with none.
    _errors: dict = field(default_factory=dict, init=False, repr=False, compare=False)

    is_certified = False

    @property
    def n_rest(self):
        """Number of eigenvalues that are not known."""
        return self.n_samples - len(self.eigenvalues)

    @property
    def uncalibrated(self):
        """Weights before calibration: positive, their sum is n_rest."""
        total = max(self.seen.sum(), np.finfo(float).tiny)
        return self.seen * (self.n_rest / total)

    def entropy(self, t=1):
        """Diffusion spectral entropy at time t, an EntropyEstimate in bits.

        Its interval reaches two standard errors to either side.
        """
        value = float(_entropy(self, t)[0])
        std_error = float(np.linalg.norm(self.errors(t)))
        largest = float(np.log2(self.n_samples))
        value = float(np.clip(value, 0.0, largest))
        estimate = EntropyEstimate(
            value,
            std_error,
            max(value - 2 * std_error, 0.0),
            min(value + 2 * std_error, largest),
            saturation(self.n_samples, self.trace, self.squared_norm, t),
        )
        return estimate.drifted(self.drift, t, self.n_samples)

    def rest(self):
        """Estimated ranks and moduli of the eigenvalues not known, a Rest.

        A node stands for as many eigenvalues as its weight says, half of them larger.
        """
        order = np.argsort(-np.abs(self.nodes), kind="stable")
        # Calibrated weights can be negative, and ranks would go backwards.
        weights = self.uncalibrated[order]
        ranks = len(self.eigenvalues) + np.cumsum(weights) - weights / 2 + 0.5
        return Rest(ranks, estimate=np.abs(self.nodes[order]))

    def errors(self, t=1):
        """Parts of the standard error at time t."""
        if t not in self._errors:
            self._errors[t] = _errors_at(self, t)
        return self._errors[t]


def calibrated(density):
    """Return the density with weights that agree with n, T1 and T2."""
    known = density.eigenvalues
    moments = [
        density.n_rest,
        density.trace - known.sum(),
        density.squared_norm - np.square(known).sum(),
    ]
    A, gram, unsure = _gram(density)
    gap = moments / _scale(density.nodes) ** np.arange(3) - density.uncalibrated @ A
    coef = np.linalg.lstsq(gram + unsure, gap, rcond=1e-10)[0]
    return replace(density, weights=density.uncalibrated * (1 + A @ coef))


def _errors_at(density, t):
    """Parts of the standard error of a density."""
    g = _entropy(density, t)[1]
    return Errors(
        sampling=_sampling_error(density, g),
        truncation=_truncation_error(density, g)
        * (SHORT_INFLATION if t < SHORT_TIME else 1.0),
        rounding=_rounding_error(density, g, t) + _late_error(density, t),
    )


def _powers(x, t, error=0.0):
    """|x|^t and -|x|^t log2 |x|^t, both 0 at 0; at long times 1 is the largest |x|."""
    size = np.abs(x)
    x = np.maximum(size, np.finfo(float).tiny ** 0.5)
    if t > LONG_TIME:  # see there
        x = np.where(x >= 1 - LEADING_ROUNDING - error, 1.0, x)
    h = x**t
    if t < SHORT_TIME:
        h = np.where(size > _ZERO, h, 0.0)
    return h, _information(h, x, t)


def _information(h, x, t):
    """-h log2 h of h = x^t."""
    # Where the logarithm is below, h is 0.
    return -h * t * np.maximum(np.log2(x), _LOG_ZERO / t)


def _masses(density, t):
    """M and F of the density."""
    h, f = _powers(density.eigenvalues, t, density.eigenvalue_errors)
    h_rest, f_rest = _powers(density.nodes, t)
    M = h.sum() + density.weights @ h_rest
    F = f.sum() + density.weights @ f_rest
    return max(M, 1.0), F  # lambda_1 = 1 is among the terms


def _slope(M, F):
    """Slope of the entropy log2 M + F / M along M."""
    return (1 / np.log(2) - F / M) / M


def _entropy(density, t):
    """Entropy, and the function g whose trace moves as it does."""
    M, F = _masses(density, t)
    slope = _slope(M, F)

    def g(x):
        h, f = _powers(x, t)
        return slope * h + f / M

    return np.log2(M) + F / M, g


def _residual(density, g):
    """g less its regression on 1, x, x^2, which count and traces make exact."""
    A, gram, unsure = _gram(density)
    moments = A.T @ (density.uncalibrated * g(density.nodes))
    coef = np.linalg.lstsq(gram + unsure, moments, rcond=1e-10)[0]
    scale = _scale(density.nodes)

    def residual(x):
        return g(x) - (x / scale)[:, None] ** np.arange(3) @ coef

    return residual, coef @ unsure @ coef


def _sampling_error(density, g):
    """Standard deviation of the estimate of tr g(S) over Haar probes."""
    n_rest, b = density.n_rest, density.n_probes
    if n_rest <= b:
        return 0.0
    residual, unsure = _residual(density, g)
    norm2 = density.uncalibrated @ residual(density.nodes) ** 2 + unsure
    finite = n_rest * (n_rest - b) / ((n_rest - 1) * (n_rest + 2))
    return INFLATION * np.sqrt(2 * norm2 / b * finite)


def _truncation_error(density, g):
    """Error of the quadrature: of each block of probes the largest guess, added up."""
    return sum(
        share * max((abs(one.weights @ g(one.nodes)) for one in guesses), default=0.0)
        for share, guesses in density.contrasts
    )


def _rounding_error(density, g, t):
    """Change of tr g(S) by rounding: of products, which may lift every eigenvalue.

    At short times what may be a zero that was lifted counts as much as any other.
    """
    residual, x = _residual(density, g)[0], np.abs(density.nodes)
    rounding, here = ROUNDING / np.sqrt(density.n_samples), residual(x)
    change = abs(density.uncalibrated @ (residual(x + rounding) - here))
    if t < SHORT_TIME:
        known = np.abs(density.eigenvalues)
        sunk = residual(np.where(x <= LIFTED * rounding, 0.0, x)) - here
        lost = g(known[known <= LIFTED * rounding]).sum()
        change = max(change, abs(density.uncalibrated @ sunk - lost))
    change += ENTROPY_ROUNDING
    return change + (_noise_error(density, residual) if density.noise else 0.0)


def _noise_error(density, residual):
    """Change of tr g(S) by independent errors of the entries, a matrix of noise.

    The root mean square of its eigenvalues is the noise, the largest is twice that. It
    moves larger eigenvalues of S as often up as down, so that the curvature of g is
    what is left. It acts no stronger than if it were added to them one by one: with
    g = x log x the mean of log(x/y) / (x - y) over pairs is below that of 1/x. Smaller
    eigenvalues may be noise alone, as wide as their part of it is.
    """
    noise = density.noise / np.sqrt(density.n_samples)
    x, weights = np.abs(density.nodes), density.uncalibrated
    small, x = weights[x <= 2 * noise].sum(), np.maximum(x, 2 * noise)
    curvature = residual(1.5 * x) + residual(0.5 * x) - 2 * residual(x)
    spread = 0.5 * weights @ (curvature * (2 * noise / x) ** 2)
    heap = noise * np.sqrt(small / density.n_samples)
    lift = small * np.diff(residual(np.array([0.0, heap])))[0]
    return abs(spread) + abs(lift)


def _late_error(density, t):
    """Change of the entropy when each eigenvalue moves by its error, at long times.

    Before, the change is far below that of the others. What counts as 1 may be less.
    """
    if t <= LONG_TIME:
        return 0.0
    shift = 2 * (ROUNDING + density.noise) / np.sqrt(density.n_samples)
    known = np.abs(density.eigenvalues[1:])
    x = np.concatenate([known, np.abs(density.nodes)])
    errors = np.full(len(x), shift)
    errors[: len(known)] += density.eigenvalue_errors[1:]
    ends = np.clip([x - errors, x + errors], np.finfo(float).tiny ** 0.5, 1.0)
    h = ends**t
    M, F = _masses(density, t)
    slope = _slope(M, F)
    moved = slope * np.diff(h, axis=0) + np.diff(_information(h, ends, t), axis=0) / M
    counts = np.concatenate([np.ones(len(known)), density.uncalibrated])
    return float(np.abs(moved[0]) @ counts)


def _gram(density):
    """Basis 1, x, x² on the nodes, its moment matrix, and what rounding adds to that.

    T1 and T2 are known up to rounding, so they bind the weights no tighter.
    """
    scale = _scale(density.nodes)
    A = (density.nodes / scale)[:, None] ** np.arange(3)
    unsure = TRACE_ROUNDING * (1 + density.trace) / scale ** np.arange(3)
    unsure[0] = 0.0
    gram = (A * density.uncalibrated[:, None]).T @ A
    return A, gram, np.diag(unsure**2 * density.n_probes / 2)


def _scale(x):
    """Largest |x|, or 1 where there is none: powers of x / scale stay comparable."""
    return float(np.abs(x).max(initial=0.0)) or 1.0
