"""Diffusion spectral entropy of tensors of PyTorch, with its gradient.

The steps and symbols are those of the estimator: distances ─► bandwidth σ ─►
affinity G ─► operator S ─► eigenvalues λ ─► entropy. With p_i = |λ_i|^t / M and unit
eigenvectors v_i, dS_D = Σ_i (∂S_D/∂λ_i) v_iᵀ dS v_i. Equal eigenvalues have equal
∂S_D/∂λ_i, so that the sum does not depend on the choice of their eigenvectors. The
gradient does not divide by the gaps between eigenvalues.
"""

from contextlib import nullcontext

import numpy as np

from ._spectra.bandwidth import MEDIAN_SHARE, check_bandwidth
from ._spectra.gibbs import POWER
from ._spectra.spectrum import LONG_TIME, saturation, warn_if_saturated
from ._tools.validation import check_flag, check_positive, check_share

__all__ = ["torch_diffusion_spectral_entropy"]


def torch_diffusion_spectral_entropy(
    Z,
    *,
    bandwidth="auto",
    bandwidth_scale=1.0,
    bandwidth_neighbors=5,
    bandwidth_gradient=True,
    alpha=0.5,
    t=1,
    normalize=False,
):
    """Compute the diffusion spectral entropy of a tensor, in bits, with its gradient.

    The entropy (DSE) says how many distinct states the samples fill: ``2**DSE``. The
    value is that of :class:`~skdse.DiffusionSpectralEntropy` with the Gaussian affinity
    and all eigenvalues. Add it to a loss to bring the samples of a layer together;
    subtract it to spread them.

    Parameters
    ----------
    Z : torch.Tensor of shape (n_samples, n_features)
        Representations of a batch, on any device that has
        :func:`torch.linalg.eigvalsh`.
    bandwidth : float or {"auto", "median", "knn", "adaptive"}, default="auto"
        σ of the Gaussian, a number or a rule, as in
        :class:`~skdse.DiffusionSpectralEntropy`; "auto" is "median". The larger it is,
        the lower the entropy. The median is taken over all pairs of samples, however
        many.
    bandwidth_scale : float, default=1.0
        Factor by which a rule's bandwidth is multiplied. A larger factor lowers the
        entropy.
    bandwidth_neighbors : int, default=5
        Neighbour whose distance the rules "knn" and "adaptive" use. A larger number
        gives a larger bandwidth.
    bandwidth_gradient : bool, default=True
        Whether the gradient includes the change of a rule's bandwidth with Z. With a
        rule, the entropy does not change if Z is multiplied by a number, and the
        gradient agrees with this. If False, the gradient treats the bandwidth as a
        constant. Lowering the entropy then also shrinks Z, and raising it blows Z up,
        without any effect on the entropy at the next step.
    alpha : float, default=0.5
        Density normalisation in [0, 1]: 0 is none, 1 removes the density.
    t : float, default=1
        Diffusion time, positive. A larger t removes noise, then detail, and lowers the
        entropy.
    normalize : bool, default=False
        Whether to divide the entropy by ``log2(n_samples)``, for a value in [0, 1].

    Returns
    -------
    entropy : torch.Tensor of shape ()
        Entropy in bits (a value in [0, 1] if ``normalize``), in the precision of Z;
        float32 if Z has half precision.

    Raises
    ------
    ImportError
        If PyTorch is not installed; it comes with ``skdse[torch]``.
    TypeError
        If Z is not a tensor of floats.
    ValueError
        If Z is not finite or does not have two dimensions, or a parameter is invalid.

    See Also
    --------
    skdse.DiffusionSpectralEntropy : The estimator, for any number of samples.

    Notes
    -----
    The entropy is computed in the precision of Z, half precision in float32, also
    inside autocast. In float32, eigenvalues below about 1e-5 count as 0; pass
    ``Z.double()`` for the accuracy of float64. Time grows with the cube of the number
    of samples: measure batches, not data sets.

    The gradient is finite if eigenvalues are equal, such as those of clusters that are
    far apart. Between identical samples it is 0 (their eigenvalue 0 grows with the
    square of their distance), so that identical samples move together. If all samples
    are identical, or there is only one, the entropy and its gradient are 0. If two
    distances are equal and a rule may take either, such as those of duplicates, the
    bandwidth has no derivative, and the gradient follows one of the two.

    Examples
    --------
    Move three points apart, up to the largest entropy, log2(3) = 1.58 bits:

    >>> import torch
    >>> from skdse.differentiable import torch_diffusion_spectral_entropy
    >>> Z = torch.tensor([[0.0], [1.0], [1.5]], requires_grad=True)
    >>> optimizer = torch.optim.SGD([Z], lr=1.0)
    >>> for step in range(20):
    ...     optimizer.zero_grad()
    ...     entropy = torch_diffusion_spectral_entropy(Z, bandwidth=1.0)
    ...     (-entropy).backward()
    ...     _ = optimizer.step()
    ...     if step in (0, 19):
    ...         print(f"step {step}: {entropy.item():.2f} bits")
    step 0: 0.95 bits
    step 19: 1.58 bits
    """
    torch = _import_torch()
    check_bandwidth(bandwidth, bandwidth_scale, bandwidth_neighbors)
    if isinstance(bandwidth, str) and bandwidth == "reduced":
        raise ValueError(
            "bandwidth='reduced' is not differentiable here; use a number or one of "
            "['adaptive', 'auto', 'knn', 'median']."
        )
    check_flag(bandwidth_gradient, "bandwidth_gradient")
    check_share(alpha, "alpha")
    check_positive(t, "t")
    check_flag(normalize, "normalize")
    _check_samples(torch, Z)
    with torch.autocast(Z.device.type, enabled=False):
        Z = Z if Z.dtype in (torch.float32, torch.float64) else Z.float()
        D = torch.cdist(Z, Z, compute_mode="donot_use_mm_for_euclid_dist")
        with nullcontext() if bandwidth_gradient else torch.no_grad():
            sigma = _bandwidth(D, bandwidth, bandwidth_scale, bandwidth_neighbors)
        if sigma is None:  # identical samples
            return 0 * Z.sum()
        S = _symmetric_operator(D, sigma, alpha)
        entropy = _entropy(torch.linalg.eigvalsh(S), t)
    squared_norm = float(S.detach().square().sum())
    trace = float(S.detach().trace())
    warn_if_saturated(saturation(len(Z), trace, squared_norm, t), stacklevel=2)
    return entropy / np.log2(len(Z)) if normalize else entropy


def _import_torch():
    """Return torch, or raise and name the extra."""
    try:
        import torch
    except ImportError as error:
        raise ImportError(
            "torch_diffusion_spectral_entropy needs PyTorch: "
            "pip install 'skdse[torch]'."
        ) from error
    return torch


def _check_samples(torch, Z):
    """Raise unless Z is a finite tensor of floats of shape (n_samples, n_features)."""
    if not isinstance(Z, torch.Tensor) or not Z.is_floating_point():
        kind = Z.dtype if isinstance(Z, torch.Tensor) else type(Z).__name__
        raise TypeError(f"Z must be a torch.Tensor of floats; got {kind}.")
    if Z.ndim != 2 or 0 in Z.shape:
        raise ValueError(
            "Z must have shape (n_samples, n_features), none of them 0; got "
            f"{tuple(Z.shape)}."
        )
    if not torch.isfinite(Z).all():
        raise ValueError("Z must be finite; it contains NaN or infinity.")


def _bandwidth(D, rule, scale, n_neighbors):
    """Bandwidth σ () or σ_i (n_samples,) from distances D; None if all are 0."""
    positive = D.detach() > 0
    if not positive.any():
        return None
    if not isinstance(rule, str):
        return D.new_tensor(float(rule))
    n = len(D)
    if rule in ("auto", "median"):
        first, second = np.triu_indices(n, k=1)
        median = _median(D[first, second])
        if median == 0:
            median = D[positive].min()
        return scale * MEDIAN_SHARE * median
    # The first of each row is the sample itself.
    nearest = D.sort(dim=1).values[:, 1 : min(n_neighbors, n - 1) + 1]
    is_positive = nearest.detach() > 0
    smallest = nearest[is_positive].min() if is_positive.any() else D[positive].min()
    if rule == "knn":
        median = _median(nearest[:, -1])
        return scale * (median if median > 0 else smallest)
    return scale * nearest[:, -1].where(is_positive[:, -1], smallest)


def _median(values):
    """Median, the mean of the two in the middle of an even number."""
    ordered, half = values.sort().values, len(values) // 2
    return ordered[half] if len(values) % 2 else ordered[half - 1 : half + 1].mean()


def _symmetric_operator(D, sigma, alpha):
    """S = diag(s) G diag(s) of the Gaussian affinity G, see _diffusion and gibbs."""
    squares = sigma[:, None] ** 2 + sigma**2 if sigma.ndim else 2 * sigma**2
    G = (D.square() / -squares).exp()
    if sigma.ndim:
        G = G * (2 * sigma[:, None] * sigma / squares) ** (POWER // 2)
    density = G.sum(dim=1) ** -alpha
    s = density * (density * (G @ density)) ** -0.5
    return s[:, None] * G * s


def _entropy(eigenvalues, t):
    """Entropy in bits of |λ|^t, without eigenvalues that are only the rounding of 0."""
    import torch

    moduli = eigenvalues.abs()
    rounding = 4 * torch.finfo(moduli.dtype).eps * len(moduli) ** 0.5
    moduli = moduli[moduli.detach() > rounding]
    if t > LONG_TIME:  # see Spectrum; later nothing changes, and float32 ends
        t = min(t, 1e30)
        moduli = moduli / moduli.detach().max()
        moduli = moduli.where(moduli < 1 - rounding, torch.ones_like(moduli))
    weights = moduli**t
    weights = weights[weights.detach() > 0]
    total = weights.sum()
    return total.log2() - (weights * weights.log2()).sum() / total
