"""What is known of a diffusion operator's spectrum, and the entropy it implies.

Notation: eigenvalues λ_i of S, a_i = |λ_i|, t the diffusion time, M = Σ a_i^t,
p_i = a_i^t / M and S_D = -Σ p_i log₂ p_i. Where only the k largest a_i are known, the
tail is the m = n - k others, with R = Σ_tail a_i (if none is negative), Q = Σ_tail a_i²
and c ≥ a_i.

At long times all of these are shares of the largest modulus, so that M >= 1, and what
is 1 up to its error counts as 1: the entropy ends at log₂ of its multiplicity.
"""

import warnings
from dataclasses import dataclass, replace

import numpy as np

from .._tools.arrays import is_device_array, namespace
from .drift import Drift
from .estimates import EntropyEstimate, Rest

# Standard deviation of a uniform distribution over its width.
UNIFORM_STD = 12**-0.5
# Error of an eigenvalue in units of the last place of 1, for each sample's square root;
# that in float64.
ROUNDING_UNITS = 4
ROUNDING = ROUNDING_UNITS * np.finfo(float).eps
# Error of an eigenvalue of modulus 1, whose digits are coarser, in units of the stated
# one: as a rule, beyond that of all, and at most (measured, 700 samples: 6 units).
LARGE, SPREAD = 2, 12
# Beyond this time the error of an eigenvalue near the largest matters: a^t moves by t
# times as much, and at last the error would decide whether an eigenvalue that is
# repeated, as that of far clusters is, counts at all (and 1 + 1e-16 would overflow).
# Up to this time rounding moves no result by more than 1e-10.
LONG_TIME = 100
# Beyond, nothing changes, and float32 has no room for the time.
LAST_TIME = 1e30
# A weight a^t less sure than this fades or does not; others move along a slope.
UNSETTLED = 1e-3
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
        Largest error of a known eigenvalue, beyond the rounding of float64.
    drift : Drift or None
        What the error of the bandwidth does.
    """

    eigenvalues: np.ndarray
    n_samples: int
    trace: float
    squared_norm: float
    positive_semidefinite: bool = False
    ceiling: float = 0.0
    eigenvalue_error: float = 0.0
    drift: Drift | None = None

    @property
    def is_certified(self):
        """Whether intervals contain the entropy for sure, and are not guesses.

        That of all eigenvalues with an error is one.
        """
        is_guess = self.is_complete and self.eigenvalue_error > 0
        return self.drift is None and not is_guess

    @property
    def is_complete(self):
        """Whether every eigenvalue is known."""
        return len(self.eigenvalues) == self.n_samples

    def entropy(self, t=1):
        """Diffusion spectral entropy at time t, an EntropyEstimate in bits."""
        return self._estimate(t).drifted(self.drift, t, self.n_samples)

    def _estimate(self, t):
        """Entropy of the operator at time t, at its bandwidth."""
        if self.is_complete:
            value = shannon_entropy(self._weights(t))
            most = np.log2(self.n_samples)
            error = min(self._error_of_all(t, value), most)
            ends = max(value - 2 * error, 0.0), min(value + 2 * error, most)
            return EntropyEstimate(value, error, *ends, self._saturation(t))
        lower, upper = self._interval(t)
        value = (lower + upper) / 2
        if t > LONG_TIME and (unsettled := self._unsettled(t)).any():
            ends = self._interval_of_unsettled(unsettled, t)
            lower, upper = min(lower, ends[0]), max(upper, ends[1])
        return EntropyEstimate(
            value, UNIFORM_STD * (upper - lower), lower, upper, self._saturation(t)
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
        m, c, R, Q = self._tail(1)
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

    def _interval(self, t, rows=slice(None)):
        """Certified interval of the entropy at time t, with some of what is known.

        S_D = H₂(ρ) + (1 - ρ) S_known + ρ S_tail for the tail's share ρ of the mass; it
        is concave in ρ, so a box of ρ and S_tail has its lower end at a corner.
        """
        known = self._weights(t)[rows]
        mass = known.sum()
        smallest_mass, largest_mass = self._tail_mass(t)
        rho = np.array([smallest_mass, largest_mass])
        rho /= mass + rho
        S_known = shannon_entropy(known)
        flattest = np.log2(self._tail(t)[0])
        peakiest = min(flattest, self._tail_entropy(t, smallest_mass))
        lower, upper = _mixed(rho, (S_known, S_known), (peakiest, flattest))
        unsure, most = self._unsure(t)[rows].sum(), np.log2(self.n_samples)
        return float(max(lower - unsure, 0.0)), float(min(upper + unsure, most))

    def _interval_of_unsettled(self, unsettled, t):
        """Certified interval where unsettled weights are anything in their ranges."""
        rows, (least, most) = ~unsettled, self._range(t)
        smallest_mass, largest_mass = self._tail_mass(t)
        low, high = least[unsettled].sum(), most[unsettled].sum()
        rho = np.array(
            [
                low / (low + most[rows].sum() + largest_mass),
                high / (high + least[rows].sum() + smallest_mass),
            ]
        )
        flattest, peakiest = np.log2(unsettled.sum()), 0.0
        if low > 0:
            peakiest = max(np.log2(low) - np.log2(most[unsettled].max()), 0.0)
        ends = _mixed(rho, self._interval(t, rows), (peakiest, flattest))
        return float(ends[0]), float(min(ends[1], np.log2(self.n_samples)))

    def _unsettled(self, t):
        """Which known weights are too unsure to be moved along a slope."""
        least, most = self._range(t)
        return most - least > UNSETTLED

    def _unsure(self, t):
        """How far the error of each known eigenvalue moves the entropy [bits].

        The slope of the entropy along a weight a^t is -(log₂ p + S_D) / M. Weights
        below their error count with that.
        """
        known, (least, most) = self._weights(t), self._range(t)
        mass, moved = known.sum(), most - least
        if t > LONG_TIME:
            moved[moved > UNSETTLED] = 0.0
        weights = np.maximum(np.maximum(known, moved), np.finfo(float).tiny)
        slope = np.maximum(-np.log2(weights / mass), shannon_entropy(known))
        return moved * slope / mass

    def _error_of_all(self, t, value):
        """Error of the entropy, where all eigenvalues are known up to an error."""
        if not self.eigenvalue_error:
            return 0.0
        lifted = self._change_if_lifted(t, value)
        return float(np.hypot(lifted, self._change_if_scattered(t, value)))

    def _change_if_scattered(self, t, value):
        """Change of the entropy by independent errors of the eigenvalues.

        To first order, with p = a^t / Σ a^t, dS = -Σ t p / a (log2 p + S) da.
        """
        weights = self._weights(t)
        p, moduli = weights / weights.sum(), np.abs(self.eigenvalues)
        p, moduli = p[p > 0], moduli[p > 0]
        errors = self.eigenvalue_error * (1 + LARGE * moduli)
        slopes = min(t, LAST_TIME) * p / moduli * (np.log2(p) + value)
        return np.linalg.norm(errors * slopes)

    def _change_if_lifted(self, t, value):
        """Change of the entropy if all moduli were larger by their error.

        Errors of large ones cancel out; those of zeros do not.
        """
        moduli = np.minimum(np.abs(self.eigenvalues) + self.eigenvalue_error, 1.0)
        lifted = replace(self, eigenvalues=moduli, eigenvalue_error=0.0, drift=None)
        return abs(lifted.entropy(t).value - value)

    def _weights(self, t):
        """a^t of what is known; 0 for what is only the rounding of a zero."""
        moduli = np.abs(self.eigenvalues)
        return weights_of(moduli, t, self._rounding, SPREAD * self.eigenvalue_error)

    def _range(self, t):
        """Smallest and largest a^t that the error of each known eigenvalue allows."""
        shares = np.abs(self.eigenvalues) / self._unit(t)
        error = self.eigenvalue_error
        if t <= LONG_TIME:
            return np.maximum(shares - error, 0) ** t, (shares + error) ** t
        if error == 0:  # what counts as 1 does so for sure
            return self._weights(t), self._weights(t)
        # A share and its unit are both off; 1 is sure, and none is more.
        error = np.where(shares == 1, 0.0, 2 * error / self._unit(t))
        most = np.minimum(shares + error, 1.0) ** t
        return np.maximum(shares - error, 0) ** t, np.maximum(most, self._weights(t))

    def _unit(self, t):
        """What moduli are shares of: 1, or at long times the largest."""
        return 1.0 if t <= LONG_TIME else np.abs(self.eigenvalues).max()

    def _with_ones(self, shares):
        """Shares of the largest modulus, with 1 for what is 1 up to its error."""
        error = self._rounding + SPREAD * self.eigenvalue_error
        return np.where(shares >= 1 - error, 1.0, shares)

    @property
    def _rounding(self):
        """Error of an eigenvalue in float64."""
        return ROUNDING * np.sqrt(self.n_samples)

    def _tail(self, t):
        """m, c and the bounds (R, Q) of the tail, each as (smallest, largest)."""
        m = self.n_samples - len(self.eigenvalues)
        # What rounding may have moved between the known part and the tail, and may have
        # left of eigenvalues that are 0.
        rounding = self._rounding
        slack = rounding + self.eigenvalue_error * len(self.eigenvalues)
        R = self.trace - self.eigenvalues.sum()
        Q = self.squared_norm - np.square(self.eigenvalues).sum()
        R, Q = (
            np.maximum([moment - slack - m * zero, moment + slack], [0.0, slack])
            for moment, zero in ((R, rounding), (Q, rounding**2))
        )
        c = max(min(self.ceiling, Q[1] ** 0.5), ROUNDING)
        if t <= LONG_TIME:
            return m, c, R, Q
        unit = self._unit(t)
        c, R, Q = c / unit, R / unit, Q / unit**2
        # No modulus exceeds the largest, which is known.
        c = min(float(self._with_ones(c)), 1.0)
        return m, c, np.minimum(R, m * c), np.minimum(Q, m * c**2)

    def _tail_mass(self, t):
        """Smallest and largest Σ_tail a_i^t that the moments and the ceiling allow."""
        m, c, R, Q = self._tail(t)
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
        _, c, R, Q = self._tail(t)
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


def weights_of(moduli, t, rounding, error=0.0):
    """Weights a^t of moduli, an array of any library; 0 for the rounding of a zero.

    The rounding and the error are those of a modulus.
    """
    xp = namespace(moduli)
    if t > LONG_TIME:
        moduli = moduli / xp.max(moduli)
        is_one = moduli >= 1 - (rounding + error)
        moduli = xp.where(is_one, xp.ones_like(moduli), moduli)
    moduli = xp.where(moduli > rounding, moduli, xp.zeros_like(moduli))
    return moduli ** min(t, LAST_TIME)


def entropy_of(weights):
    """Shannon entropy in bits of weights (n,), an array of any library, not all 0."""
    xp, weights = namespace(weights), weights[weights > 0]
    # log M - Σ w log w / M needs no division of each weight.
    total = xp.sum(weights)
    return xp.log2(total) - weights @ xp.log2(weights) / total


def shannon_entropy(weights):
    """Shannon entropy in bits of non-negative weights, normalised to sum 1."""
    if not is_device_array(weights):
        weights = np.asarray(weights)
    weights = namespace(weights).reshape(weights, (-1,))
    return float(max(float(entropy_of(weights)), 0.0))


def knee_time(spectrum, times=AUTO_TIMES):
    """Time at the knee of the entropy curve: farthest below its chord."""
    curve = np.array([spectrum.entropy(t).value for t in times])
    drop = curve[0] - curve[-1]
    if drop <= 0:
        return int(times[0])
    fallen = (curve[0] - curve) / drop
    passed = (times - times[0]) / (times[-1] - times[0])
    return int(times[np.argmax(fallen - passed)])


def _mixed(rho, S_known, S_tail):
    """Ends of the entropy of a mixture: ends of its share, and of its two entropies."""
    peak = 2 ** S_tail[1] / (2 ** S_tail[1] + 2 ** S_known[1])
    lower = _mixture(rho, S_known[0], S_tail[0]).min()
    return lower, _mixture(np.clip(peak, *rho), S_known[1], S_tail[1])


def _mixture(rho, S_known, S_tail):
    """Entropy of a mixture: share rho of the tail, the rest of the known part."""
    binary = -_xlog2x(rho) - _xlog2x(1 - rho)
    return binary + (1 - rho) * S_known + rho * S_tail


def _xlog2x(x):
    """x log₂ x, continued with 0 at 0."""
    return x * np.log2(np.where(x > 0, x, 1.0))
