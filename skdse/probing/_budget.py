"""What a tracker measures by default: as much as a small error needs, and no more.

The standard error of DSE and DSMI is to be at most 0.02 bits, at a cost that is small
beside an epoch of training:

- `MOST_SAMPLES` rows at most are looked at, the same at each epoch;
- the solver of DSE is asked for half of that error, since the bandwidth has one too;
- DSMI is averaged over five random subsets of each size, or over as many as it needs;
  that of a share counts in bits, too.
"""

from math import ceil

from .._measures.catalogue import default_measure, is_mutual_info
from .._measures.mutual_info import DiffusionSpectralMI
from .._tools.memory import give_back_memory
from .._tools.validation import check_count, check_option

# Standard error of a measure in a record [bits].
STD_ERROR = 0.02
# Rows that are measured of more. DSMI of other rows differs by about as much as the
# error allows, and DSE by more: doc/benchmarks/tracker_rows.py.
MOST_SAMPLES = 2500
# Tolerance of the solver of DSE [bits].
TOL = 0.01
# Random subsets that DSMI is averaged over at most.
MOST_REPEATS = 100


class SteadyMutualInfo(DiffusionSpectralMI):
    """DSMI whose `n_repeats` is raised until its standard error is small enough.

    The first subsets are those of fewer repeats, so that all have the same seed.
    """

    def fit(self, X, y):
        """Fit the scale to X and the groups to y, and measure."""
        super().fit(X, y)
        while (error := self._error()) > STD_ERROR and self.n_repeats < MOST_REPEATS:
            more = ceil((error / STD_ERROR) ** 2 * self.n_repeats)
            self.n_repeats = min(max(self.n_repeats + 1, more), MOST_REPEATS)
            super().fit(X, y)
        return self

    def _error(self):
        """Standard error [bits]."""
        return self.mutual_info_std_error_ * (self.entropy_ if self.normalize else 1)


def thrifty_measure(name):
    """Estimator of a measure, with the budget of a tracker, and what it is with."""
    measure, against = default_measure(name)
    if is_mutual_info(measure):
        return SteadyMutualInfo(**measure.get_params(deep=False)), against
    return measure.set_params(tol=TOL), against


def number_of_rows(max_samples):
    """Rows to measure at most, None for all, or raise."""
    if isinstance(max_samples, str):
        check_option(max_samples, "max_samples", ("auto",))
        return MOST_SAMPLES
    if max_samples is not None:
        check_count(max_samples, "max_samples")
    return max_samples


def let_go(activations):
    """Activations by layer, each left out of the dictionary when the next is asked for.

    What measuring needs then has the memory of layers that were measured. What looking
    and measuring have freed goes back to the system.
    """
    for name in list(activations):
        give_back_memory()
        yield name, activations[name]
        del activations[name]
    give_back_memory()
