"""How far the error of a sampled bandwidth, or of a time, moves an entropy.

To first order by dS_D / d ln σ times the error of ln σ. The slope is that between two
spectra of the same samples, at σ and at σ e^STEP, with the same random probes.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np

# Wide enough for spectra of this tolerance [bits] to tell the slope to a fifth where it
# matters (measured), near enough for it to be that at σ.
STEP, TOL = 0.1, 0.02
# Samples up to which all eigenvalues are found as quickly.
DENSE_MOST = 1000


@dataclass(frozen=True)
class Misses:
    """What neighbours that a search has missed may do to an entropy.

    Attributes
    ----------
    error : float
        Change of the entropy [bits].
    """

    error: float

    def at(self, t):
        """Change of the entropy at time t: it was measured at 1, and taken for all."""
        return self.error


@dataclass(frozen=True)
class Delay:
    """Error of ln t, and the spectrum along whose curve the entropy moves.

    Attributes
    ----------
    log_error : float
        Standard error of ln t.
    spectrum : Spectrum or SpectralDensity
        The spectrum.
    """

    log_error: float
    spectrum: Any

    def at(self, t):
        """Change of the entropy at time t by one standard error of ln t [bits]."""
        ends = t * np.exp(-STEP / 2), t * np.exp(STEP / 2)
        early, late = (self.spectrum.entropy(one).value for one in ends)
        return self.log_error * (late - early) / STEP


@dataclass(frozen=True)
class Drift:
    """Error of ln σ, and spectra between which the entropy is known to move.

    Attributes
    ----------
    log_error : float
        Standard error of ln σ.
    here, moved : Spectrum or SpectralDensity
        Spectra at σ and at σ e^STEP.
    """

    log_error: float
    here: Any
    moved: Any

    def at(self, t):
        """Change of the entropy at time t by one standard error of ln σ [bits]."""
        change = self.moved.entropy(t).value - self.here.entropy(t).value
        return self.log_error * change / STEP
