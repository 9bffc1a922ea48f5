"""What is known of a diffusion operator's spectrum, and the entropy it implies.

Notation: eigenvalues λ_i of S, a_i = |λ_i|, t the diffusion time, M = Σ a_i^t,
p_i = a_i^t / M and S_D = -Σ p_i log₂ p_i. Where only the k largest a_i are known, the
tail is the m = n - k others, with R = Σ_tail a_i (if none is negative), Q = Σ_tail a_i²
and c ≥ a_i.
"""

import warnings
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

# Standard deviation of a uniform distribution over its width.
UNIFORM_STD = 12**-0.5
# Error of an eigenvalue in float64, for each sample's square root.
ROUNDING = 4 * np.finfo(float).eps
# A step of diffusion leaves its sample with less probability than this: isolated.
ISOLATED_MASS = 0.05
# Σ λ² beyond λ₁ below this (for instance all other |λ| <= 0.01): uniform.
UNIFORM_NORM = 1e-4
# Times among which "auto" looks for the knee of the entropy curve.
AUTO_TIMES = np.arange(1, 101)
# What to say of a result that says nothing of the data.
SATURATION = {
    "isolated": (
        "Every sample sees only itself: the entropy is log2(n) whatever the data. "
        "Increase bandwidth (or bandwidth_scale), or use a rule such as 'auto'."
    ),
    "uniform": (
        "Every sample sees all others alike: the entropy is 0 whatever the data. "
        "Decrease bandwidth (or bandwidth_scale), or use a rule such as 'auto'."
    ),
}


class EntropyEstimate(NamedTuple):
    """An entropy in bits, its standard error and an interval that contains it.

    saturation names the way in which the affinity says nothing of the data, "isolated"
    or "uniform"; it is empty otherwise.
    """

    value: float
    std_error: float
    lower: float
    upper: float
    saturation: str = ""

    @classmethod
    def exact(cls, value, saturation=""):
        """Estimate without error."""
        return cls(value, 0.0, value, value, saturation)

    @classmethod
    def mean_of(cls, estimates):
        """Mean over subsamples: their spread is part of its error."""
        if len(estimates) == 1:
            return estimates[0]
        values = [one.value for one in estimates]
        variance = np.var(values, ddof=1)
        variance += np.mean(np.square([one.std_error for one in estimates]))
        value, error = float(np.mean(values)), float(np.sqrt(variance / len(values)))
        return cls(value, error, value - 2 * error, value + 2 * error)

    def divided_by(self, ceiling):
        """Estimate as a share of ceiling; 0 where that is 0."""
        shares = (part / ceiling if ceiling else 0.0 for part in self[:4])
        return EntropyEstimate(*map(float, shares), self.saturation)


class Rest(NamedTuple):
    """What is known of the eigenvalues that were not solved for, largest first.

    Certified bounds of their moduli, or estimates.
    """

    ranks: np.ndarray
    lower: np.ndarray | None = None
    upper: np.ndarray | None = None
    estimate: np.ndarray | None = None


@dataclass(frozen=True)
class Spectrum:
    """Eigenvalues of a diffusion operator, all or the largest.

    Attributes
    ----------
    eigenvalues : ndarray of shape (n_known,)
        Known eigenvalues, largest modulus first.
    n_samples : int
        Number of all eigenvalues.
    trace : float
        Sum of all eigenvalues.
    squared_norm : float
        Sum of their squares.
    positive_semidefinite : bool
        Whether none is negative.
    ceiling : float
        No unknown eigenvalue has a larger modulus.
    eigenvalue_error : float
        Largest error of a known eigenvalue, beyond rounding.
    is_certified : bool
        Whether intervals contain the entropy for sure: they do.
    """

    eigenvalues: np.ndarray
    n_samples: int
    trace: float
    squared_norm: float
    positive_semidefinite: bool = False
    ceiling: float = 0.0
    eigenvalue_error: float = 0.0
    is_certified = True

    @property
    def is_complete(self):
        """Whether every eigenvalue is known."""
        return len(self.eigenvalues) == self.n_samples

    def entropy(self, t=1):
        """Diffusion spectral entropy at time t, an EntropyEstimate in bits."""
        known = _powers(self.eigenvalues, t, self.n_samples)
        if self.is_complete:
            return EntropyEstimate.exact(shannon_entropy(known), self._saturation(t))
        lower, upper = self._interval(known, t)
        value, width = (lower + upper) / 2, upper - lower
        return EntropyEstimate(
            value, UNIFORM_STD * width, lower, upper, self._saturation(t)
        )

    @classmethod
    def of_identical_samples(cls, n_samples):
        """Spectrum 1, 0, ..., 0."""
        return cls(np.eye(1, n_samples)[0], n_samples, 1.0, 1.0, True)

    def rest(self):
        """Ranks and certified bounds of the eigenvalues not known, a Rest; or None.

        For the j-th largest a_j of m, and a power p whose sum over the tail is known,
        j a_j^p <= Σ_tail a_i^p <= (j - 1) c^p + (m - j + 1) a_j^p.
        """
        if self.is_complete:
            return None
        m, c, R, Q = self._tail()
        j = np.arange(1, m + 1)
        lower, upper = np.zeros(m), np.full(m, c)
        for p, moment in ((1, R), (2, Q)) if self.positive_semidefinite else ((2, Q),):
            upper = np.minimum(upper, (moment[1] / j) ** (1 / p))
            left = np.maximum(moment[0] - (j - 1) * c**p, 0) / (m - j + 1)
            lower = np.maximum(lower, left ** (1 / p))
        ranks = np.arange(len(self.eigenvalues) + 1, self.n_samples + 1)
        return Rest(ranks, np.minimum(lower, upper), upper)

    def _saturation(self, t):
        if self.is_complete and not self.eigenvalues[1:].any():
            return ""  # identical samples: there is nothing to tell
        return saturation(self.n_samples, self.trace, self.squared_norm, t)

    def _interval(self, known, t):
        """Certified interval of the entropy at time t.

        S_D = H₂(ρ) + (1 - ρ) S_known + ρ S_tail for the tail's share ρ of the mass; it
        is concave in ρ, so a box of ρ and S_tail has its lower end at a corner.
        """
        mass, smallest_mass, largest_mass = known.sum(), *self._tail_mass(t)
        rho = np.array([smallest_mass, largest_mass])
        rho /= mass + rho
        S_known = shannon_entropy(known)
        flattest = np.log2(self.n_samples - len(known))
        peakiest = min(flattest, self._tail_entropy(t, smallest_mass))
        peak = 2**flattest / (2**flattest + 2**S_known)
        upper = _mixture(np.clip(peak, *rho), S_known, flattest)
        lower = _mixture(rho, S_known, peakiest).min()
        unsure, most = self._unsure(known, t), np.log2(self.n_samples)
        return float(max(lower - unsure, 0.0)), float(min(upper + unsure, most))

    def _unsure(self, known, t):
        """How far errors of the known eigenvalues move the entropy [bits].

        The slope of the entropy along a weight a^t is -(log₂ p + S_D) / M. Weights
        below their error count with that.
        """
        if self.eigenvalue_error == 0:
            return 0.0
        moduli, mass = np.abs(self.eigenvalues), known.sum()
        moved = (moduli + self.eigenvalue_error) ** t
        moved -= np.maximum(moduli - self.eigenvalue_error, 0) ** t
        slope = np.maximum(
            -np.log2(np.maximum(known, moved) / mass), shannon_entropy(known)
        )
        return moved @ slope / mass

    def _tail(self):
        """m, c and the bounds (R, Q) of the tail, each as (smallest, largest)."""
        m = self.n_samples - len(self.eigenvalues)
        # What rounding may have moved between the known part and the tail, and may have
        # left of eigenvalues that are 0.
        rounding = ROUNDING * np.sqrt(self.n_samples)
        slack = rounding + self.eigenvalue_error * len(self.eigenvalues)
        R = self.trace - self.eigenvalues.sum()
        Q = self.squared_norm - np.square(self.eigenvalues).sum()
        R, Q = (
            np.maximum([moment - slack - m * zero, moment + slack], [0.0, slack])
            for moment, zero in ((R, rounding), (Q, rounding**2))
        )
        c = max(min(self.ceiling, Q[1] ** 0.5), ROUNDING)
        return m, c, R, Q

    def _tail_mass(self, t):
        """Smallest and largest Σ_tail a_i^t that the moments and the ceiling allow."""
        m, c, R, Q = self._tail()
        by_mean_square = m * (Q / m) ** (t / 2)
        by_ceiling = c ** (t - 2) * Q
        # The power mean inequality bounds one side, a_i <= c the other.
        least, most = (by_ceiling, by_mean_square)[:: 1 if t < 2 else -1]
        lower, upper = [least[0]], [most[1]]
        if self.positive_semidefinite:
            by_mean = m * (R / m) ** t
            by_ceiling = c ** (t - 1) * R
            least, most = (by_ceiling, by_mean)[:: 1 if t < 1 else -1]
            lower.append(least[0])
            upper.append(most[1])
            if 1 <= t <= 2:  # Hölder: log M_t is convex in t
                upper.append(R[1] ** (2 - t) * Q[1] ** (t - 1))
        return max(lower), max(min(upper), max(lower))

    def _tail_entropy(self, t, smallest_mass):
        """Smallest Shannon entropy of the tail: its min-entropy or Rényi-2 entropy."""
        _, c, R, Q = self._tail()
        bounds = [0.0]
        if smallest_mass > 0:
            bounds.append(np.log2(smallest_mass) - t * np.log2(c))
        if t == 1 and self.positive_semidefinite and R[0] > 0:
            bounds.append(2 * np.log2(R[0]) - np.log2(Q[1]))
        return max(bounds)


def saturation(n_samples, trace, squared_norm, t=1):
    """Kind of saturation at time t, see EntropyEstimate."""
    if t * (1 - trace / n_samples) < ISOLATED_MASS:
        return "isolated"
    return "uniform" if squared_norm - 1 < UNIFORM_NORM else ""


def warn_if_saturated(saturation, stacklevel=1):
    """Warn of a result that says nothing of the data, and say what to change."""
    if saturation:
        warnings.warn(SATURATION[saturation], UserWarning, stacklevel=stacklevel + 1)


def shannon_entropy(weights):
    """Shannon entropy in bits of non-negative weights, normalised to sum 1."""
    weights = np.ravel(weights)
    weights = weights[weights > 0]
    # log M - Σ w log w / M needs no division of each weight.
    total = weights.sum()
    entropy = np.log2(total) - weights @ np.log2(weights) / total
    return float(max(entropy, 0.0))


def knee_time(spectrum, times=AUTO_TIMES):
    """Time at the knee of the entropy curve: farthest below its chord."""
    curve = np.array([spectrum.entropy(t).value for t in times])
    drop = curve[0] - curve[-1]
    if drop <= 0:
        return int(times[0])
    fallen = (curve[0] - curve) / drop
    passed = (times - times[0]) / (times[-1] - times[0])
    return int(times[np.argmax(fallen - passed)])


def _powers(eigenvalues, t, n_samples):
    """|λ|^t, with 0 for what is only the rounding of a zero eigenvalue."""
    moduli = np.abs(eigenvalues)
    rounding = ROUNDING * np.sqrt(n_samples)
    return np.where(moduli > rounding, moduli, 0.0) ** t


def _mixture(rho, S_known, S_tail):
    """Entropy of a mixture: share rho of the tail, the rest of the known part."""
    binary = -_xlog2x(rho) - _xlog2x(1 - rho)
    return binary + (1 - rho) * S_known + rho * S_tail


def _xlog2x(x):
    """x log₂ x, continued with 0 at 0."""
    return x * np.log2(np.where(x > 0, x, 1.0))
