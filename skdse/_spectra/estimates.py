"""What is said of an entropy, and of the eigenvalues that are not known."""

import math
from typing import NamedTuple

import numpy as np


class EntropyEstimate(NamedTuple):
    """An entropy in bits, its standard error and an interval that contains it.

    saturation names the way in which the affinity says nothing of the data, "isolated"
    or "uniform"; it is empty otherwise. common is the part of the error that comes of
    the bandwidth, with its sign: all sets measured at one bandwidth share it.
    """

    value: float
    std_error: float
    lower: float
    upper: float
    saturation: str = ""
    common: float = 0.0

    @property
    def own_error(self):
        """Standard error without the part that is common to all sets."""
        return math.sqrt(max(self.std_error**2 - self.common**2, 0.0))

    def drifted(self, drift, t, n_samples):
        """Estimate with the error of the bandwidth or time; drift tells it, or None."""
        if drift is None:
            return self
        added = drift.at(t)
        reach, common = 2 * abs(added), added
        if self.common:  # two errors, independent of each other
            common = math.copysign(math.hypot(self.common, added), self.common)
        return self._replace(
            std_error=math.hypot(self.std_error, added),
            lower=max(self.lower - reach, 0.0),
            upper=min(self.upper + reach, math.log2(n_samples)),
            common=common,
        )

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
        bits = (*self[:4], self.common)
        *shares, common = (float(one / ceiling) if ceiling else 0.0 for one in bits)
        return EntropyEstimate(*shares, self.saturation, common)


class Rest(NamedTuple):
    """What is known of the eigenvalues that were not solved for, largest first.

    Certified bounds of their moduli, or estimates.
    """

    ranks: np.ndarray
    lower: np.ndarray | None = None
    upper: np.ndarray | None = None
    estimate: np.ndarray | None = None
