"""Diffusion spectral entropy of a tensor, with its gradient, see `_pairs`."""

import numpy as np

from .._spectra.spectrum import warn_if_saturated
from .._tools.hints import Tensor
from ._pairs import Pairs, affinity_of, check_course, check_samples, import_torch


def diffusion_spectral_entropy(
    Z: Tensor,
    *,
    affinity: str = "gaussian",
    bandwidth: float | str = "auto",
    bandwidth_scale: float = 1.0,
    bandwidth_neighbors: int = 5,
    bandwidth_gradient: bool = True,
    metric: str = "euclidean",
    alpha: float = 0.5,
    t: float = 1,
    normalize: bool = False,
) -> Tensor:
    """Compute the diffusion spectral entropy of a tensor, in bits, with its gradient.

    The entropy (DSE) says how many distinct states the samples fill: ``2**DSE``. The
    value is that of :class:`~skdse.DiffusionSpectralEntropy` with all eigenvalues. Add
    it to a loss to bring the samples of a layer together; subtract it to spread them.

    Parameters
    ----------
    Z : torch.Tensor of shape (n_samples, n_features)
        Representations of a batch, on any device that has
        :func:`torch.linalg.eigvalsh`.
    affinity : {"gaussian", "laplacian"}, default="gaussian"
        How samples see each other: the Gaussian of their distances, or the Laplacian
        kernel of their Manhattan distances.
    bandwidth : float or {"auto", "median", "knn", "adaptive"}, default="auto"
        σ of the affinity, a number or a rule, as in
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
    metric : {"euclidean", "sqeuclidean"}, default="euclidean"
        Distance of the Gaussian; the Laplacian does not look at it. Squared distances
        separate near from far samples in many dimensions.
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
        If Z is not a dense tensor of floats that has values.
    ValueError
        If Z is not finite or does not have two dimensions, or a parameter is invalid.

    See Also
    --------
    diffusion_spectral_mutual_info : What labels explain of the entropy.
    skdse.DiffusionSpectralEntropy : The estimator, for any number of samples.

    Notes
    -----
    ``torch_diffusion_spectral_entropy`` is another name for this function.

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
    >>> from skdse.differentiable import diffusion_spectral_entropy
    >>> Z = torch.tensor([[0.0], [1.0], [1.5]], requires_grad=True)
    >>> optimizer = torch.optim.SGD([Z], lr=1.0)
    >>> for step in range(20):
    ...     optimizer.zero_grad()
    ...     entropy = diffusion_spectral_entropy(Z, bandwidth=1.0)
    ...     (-entropy).backward()
    ...     _ = optimizer.step()
    ...     if step in (0, 19):
    ...         print(f"step {step}: {entropy.item():.2f} bits")
    step 0: 0.95 bits
    step 19: 1.58 bits
    """
    torch = import_torch("diffusion_spectral_entropy")
    affinity = affinity_of(
        affinity, bandwidth, bandwidth_scale, bandwidth_neighbors, metric
    )
    check_course(bandwidth_gradient, alpha, t, normalize)
    check_samples(torch, Z)
    with torch.autocast(Z.device.type, enabled=False):
        pairs = Pairs.of(torch, Z, affinity, bandwidth_gradient)
        if pairs.sigma is None:  # identical samples
            return 0 * pairs.Z.sum()
        entropies, kinds = pairs.entropies(np.arange(len(Z))[None], alpha, t)
    warn_if_saturated(kinds[0], stacklevel=2)
    return entropies[0] / np.log2(len(Z)) if normalize else entropies[0]


# Its name in version 0.1.0.
torch_diffusion_spectral_entropy = diffusion_spectral_entropy
