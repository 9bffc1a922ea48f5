"""All pairs of samples of a tensor, and the entropies of sets of these.

distances ─► bandwidth σ ─► affinity G ─► operator S ─► eigenvalues λ ─► entropy: the
steps from the affinity on are those of the estimators, see ``_spectra.stacks``. With
p_i = |λ_i|^t / M and unit eigenvectors v_i, dS_D = Σ_i (∂S_D/∂λ_i) v_iᵀ dS v_i. Equal
eigenvalues have equal ∂S_D/∂λ_i, so that the sum does not depend on the choice of their
eigenvectors. The gradient does not divide by the gaps between eigenvalues.
"""

from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import dataclass

from .._spectra.affinity import Gaussian, Laplacian
from .._spectra.bandwidth import Bandwidth
from .._spectra.metrics import EUCLIDEAN, SQUARED
from .._spectra.spectrum import ROUNDING_UNITS, entropy_of, saturation, weights_of
from .._spectra.stacks import bandwidth_of_distances, eigenvalues, moments, operators
from .._tools.arrays import like, namespace, to_host
from .._tools.intake import taken_in
from .._tools.validation import (
    check_flag,
    check_option,
    check_positive,
    check_share,
)

AFFINITIES = {"gaussian": Gaussian, "laplacian": Laplacian}


@dataclass(frozen=True)
class Pairs:
    """All pairs of samples of a tensor.

    Attributes
    ----------
    Z : Tensor of shape (n_samples, n_features)
        The samples, in float32 or float64.
    lengths : Tensor of shape (n_samples, n_samples)
        Squared Euclidean distances; of the Laplacian, Manhattan distances.
    sigma : Tensor of shape () or (n_samples,), or None
        Bandwidth; None if all samples are identical.
    formula : callable
        Affinities of lengths and bandwidths.
    """

    Z: object
    lengths: object
    sigma: object
    formula: Callable

    @classmethod
    def of(cls, torch, Z, affinity, bandwidth_gradient):
        """Pairs of the samples Z, as the affinity sees them."""
        Z = Z if Z.dtype in (torch.float32, torch.float64) else Z.float()
        p = 1.0 if affinity.distance == "manhattan" else 2.0
        D = torch.cdist(Z, Z, p=p, compute_mode="donot_use_mm_for_euclid_dist")
        lengths = D if p == 1 else D * D
        distances = lengths if affinity.distance == SQUARED else D
        with nullcontext() if bandwidth_gradient else torch.no_grad():
            sigma = bandwidth_of_distances(distances, affinity)
        return cls(Z, lengths, sigma, affinity.pairs.formula(Bandwidth(sigma)))

    def entropies(self, rows, alpha, t):
        """Entropy of each set of as many rows (n_sets, m), and its saturation."""
        n_sets, m = rows.shape
        if m == 1:
            return [0 * self.Z.sum()] * n_sets, [""] * n_sets
        rows = like(rows, self.Z)
        lengths = self.lengths[rows[:, :, None], rows[:, None, :]]
        left = right = self.sigma
        if self.sigma.ndim:
            left, right = self.sigma[rows][:, :, None], self.sigma[rows][:, None, :]
        S = operators(self.formula(lengths, left, right), alpha)
        rounding = ROUNDING_UNITS * namespace(S).finfo(S.dtype).eps * m**0.5
        moduli = eigenvalues(S).abs()
        values = [entropy_of(weights_of(a, t, rounding)) for a in moduli]
        traces, squared_norms = (to_host(one) for one in moments(S))
        differs = to_host((lengths > 0).flatten(1).any(dim=1))
        kinds = [
            saturation(m, float(traces[i]), float(squared_norms[i]), t)
            if differs[i]
            else ""
            for i in range(n_sets)
        ]
        return values, kinds


def import_torch(function):
    """Return torch, or raise and name the extra."""
    try:
        import torch
    except ImportError as error:
        raise ImportError(
            f"{function} needs PyTorch: pip install 'skdse[torch]'."
        ) from error
    return torch


def affinity_of(affinity, bandwidth, scale, n_neighbors, metric):
    """Affinity with its parameters, checked, if it is differentiable."""
    check_option(affinity, "affinity", AFFINITIES)
    check_option(metric, "metric", (*EUCLIDEAN, SQUARED))
    if isinstance(bandwidth, str) and bandwidth == "reduced":
        raise ValueError(
            "bandwidth='reduced' is not differentiable here; use a number or one of "
            "['adaptive', 'auto', 'knn', 'median']."
        )
    return AFFINITIES[affinity](
        bandwidth=bandwidth,
        bandwidth_scale=scale,
        bandwidth_neighbors=n_neighbors,
        metric="euclidean" if affinity == "laplacian" else metric,
    )


def check_course(bandwidth_gradient, alpha, t, normalize):
    """Raise unless the parameters of the way to an entropy are valid."""
    check_flag(bandwidth_gradient, "bandwidth_gradient")
    check_share(alpha, "alpha")
    check_positive(t, "t")
    check_flag(normalize, "normalize")


def check_samples(torch, Z):
    """Raise unless Z is a finite tensor of floats of shape (n_samples, n_features)."""
    if not isinstance(Z, torch.Tensor) or not Z.is_floating_point():
        kind = Z.dtype if isinstance(Z, torch.Tensor) else type(Z).__name__
        raise TypeError(f"Z must be a torch.Tensor of floats; got {kind}.")
    taken_in(Z, "Z")  # raises where it has no values, or is not dense
    if Z.ndim != 2 or 0 in Z.shape:
        raise ValueError(
            "Z must have shape (n_samples, n_features), none of them 0; got "
            f"{tuple(Z.shape)}."
        )
    if not torch.isfinite(Z).all():
        raise ValueError("Z must be finite; it contains NaN or infinity.")
