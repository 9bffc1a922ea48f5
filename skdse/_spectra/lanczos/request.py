"""What is asked of Lanczos, and how far a density is from it."""

from dataclasses import dataclass

import numpy as np

from ..._tools.progress import say
from ..diffusion import DiffusionOperator
from .plan import Plan


@dataclass(frozen=True)
class Request:
    """What is asked: the standard error of the entropy at a time t."""

    operator: DiffusionOperator
    plan: Plan
    t: float
    target: float  # [bits]
    semidefinite: bool  # no eigenvalue below 0, but for some that are known
    verbose: int
    by_drift: bool = False  # truncation is told by what the last steps changed

    def is_met(self, density, *, by_sampling_alone=False):
        """Whether the error is small, or rounding is what is left."""
        found = density.errors(self.t)
        error = np.hypot(found.sampling, 0 if by_sampling_alone else found.truncation)
        return error <= max(self.target, found.rounding / 2)

    def missing_probes(self, density):
        """Probes to add so that the sampling error falls to its share."""
        sampling = density.errors(self.t).sampling
        if sampling == 0:
            return 0
        share = self.plan.sampling_share * self.target / sampling
        odds = (density.n_rest / density.n_probes - 1) * share**2
        return int(np.ceil(density.n_rest / (1 + odds))) - density.n_probes

    def next_probes(self, density):
        """Probes of the next block; 0 where no more are needed or can help."""
        if density.entropy(self.t).std_error <= self.target:
            return 0
        most = min(self.plan.probes_at_most(self.operator), density.n_rest)
        most = min(most - density.n_probes, self.plan.later_columns(self.operator))
        # None is missing where truncation or rounding is what is left.
        missing = self.missing_probes(density)
        return min(self.plan.with_spare(missing), max(most, 0)) if missing > 0 else 0

    def tell(self, density):
        """Say how far the standard error is, if verbose."""
        if self.verbose:
            say(
                f"lanczos: {density.n_probes} probes, {density.n_steps} steps: "
                f"standard error {density.entropy(self.t).std_error:.1e} bits, "
                f"{self.target:.1e} asked for"
            )
