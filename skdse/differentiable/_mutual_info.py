"""Diffusion spectral mutual information of a tensor and labels, with its gradient.

Groups of the labels, and random subsets of their sizes: those of one size are a stack.
"""

import warnings
from dataclasses import dataclass

import numpy as np
from sklearn.utils import check_random_state

from .._measures.base import MAX_SEED
from .._measures.grouping import group_target
from .._measures.subsets import (
    combine,
    draw_subsets,
    rows_of_groups,
    size_nodes,
    size_weights,
)
from .._spectra.estimates import EntropyEstimate
from .._tools.hints import Seed, TargetsLike, Tensor
from .._tools.intake import taken_in_labels
from .._tools.validation import check_count
from ._pairs import Pairs, affinity_of, check_course, check_samples, import_torch


def diffusion_spectral_mutual_info(
    Z: Tensor,
    y: TargetsLike,
    *,
    affinity: str = "gaussian",
    bandwidth: float | str = "adaptive",
    bandwidth_scale: float = 1.0,
    bandwidth_neighbors: int = 5,
    bandwidth_gradient: bool = True,
    metric: str = "sqeuclidean",
    alpha: float = 0.5,
    t: float = 1,
    n_repeats: int = 5,
    normalize: bool = False,
    random_state: Seed = None,
) -> Tensor:
    """Compute the mutual information of a tensor and labels, with its gradient.

    The mutual information (DSMI) says how much lower the entropy is within the groups
    of samples that share a label than within random groups of the same size, all at
    the bandwidth fitted to Z. The value is that of :class:`~skdse.DiffusionSpectralMI`,
    whose defaults these are, with the same `random_state` and all eigenvalues. Subtract
    it from a loss to bring the samples of each label together, apart from the others.

    Parameters
    ----------
    Z : torch.Tensor of shape (n_samples, n_features)
        Representations of a batch, on any device that has
        :func:`torch.linalg.eigvalsh`.
    y : torch.Tensor or array-like of shape (n_samples,)
        Labels: integers, booleans or strings. A tensor may lie on any device.
    affinity : {"gaussian", "laplacian"}, default="gaussian"
        How samples see each other: the Gaussian of their distances, or the Laplacian
        kernel of their Manhattan distances.
    bandwidth : float or {"auto", "median", "knn", "adaptive"}, default="adaptive"
        σ of the affinity, a number or a rule, as in
        :class:`~skdse.DiffusionSpectralEntropy`; "auto" is "median". The larger it is,
        the lower all entropies.
    bandwidth_scale : float, default=1.0
        Factor by which a rule's bandwidth is multiplied.
    bandwidth_neighbors : int, default=5
        Neighbour whose distance the rules "knn" and "adaptive" use. A larger number
        gives a larger bandwidth.
    bandwidth_gradient : bool, default=True
        Whether the gradient includes the change of a rule's bandwidth with Z, see
        :func:`diffusion_spectral_entropy`.
    metric : {"sqeuclidean", "euclidean"}, default="sqeuclidean"
        Distance of the Gaussian; the Laplacian does not look at it. Squared distances
        separate near from far samples in many dimensions.
    alpha : float, default=0.5
        Density normalisation in [0, 1]: 0 is none, 1 removes the density.
    t : float, default=1
        Diffusion time, positive. A larger t removes noise, then detail.
    n_repeats : int, default=5
        Number of random subsets of each group size whose entropy is averaged. More
        take more time and make the value less noisy.
    normalize : bool, default=False
        Whether to divide by the mean entropy of the random subsets, for the share that
        y explains, at most 1.
    random_state : int, RandomState instance or None, default=None
        Seed of the random subsets. In training leave it None, or pass one RandomState
        to all calls, so that each step draws anew. ``torch.manual_seed`` has no say.

    Returns
    -------
    mutual_info : torch.Tensor of shape ()
        Mutual information in bits (a share of the entropy if ``normalize``), in the
        precision of Z; float32 if Z has half precision. It can be slightly negative.

    Raises
    ------
    ImportError
        If PyTorch is not installed; it comes with ``skdse[torch]``.
    TypeError
        If Z is not a dense tensor of floats that has values, or y holds floats.
    ValueError
        If Z is not finite or does not have two dimensions, y does not have a label for
        each sample, or a parameter is invalid.

    Warns
    -----
    UserWarning
        If there is a single group, whose mutual information is 0 with a gradient of 0;
        or if most entropies say nothing of the data.

    See Also
    --------
    diffusion_spectral_entropy : The entropy alone.
    skdse.DiffusionSpectralMI : The estimator, for any number of samples and any target.

    Notes
    -----
    Precision and gradients are those of :func:`diffusion_spectral_entropy`. A group of
    one sample has the entropy 0, as has a random subset of one; so batches should have
    several samples of each label.

    Examples
    --------
    Move points of two labels until the labels explain more of their entropy:

    >>> import torch
    >>> from skdse.differentiable import diffusion_spectral_mutual_info
    >>> y = torch.arange(40) % 2
    >>> noise = torch.randn(40, 3, generator=torch.Generator().manual_seed(0))
    >>> Z = (noise + y[:, None]).requires_grad_()
    >>> optimizer = torch.optim.Adam([Z], lr=0.1)
    >>> for step in range(31):
    ...     optimizer.zero_grad()
    ...     information = diffusion_spectral_mutual_info(Z, y, random_state=0)
    ...     (-information).backward()
    ...     _ = optimizer.step()
    ...     if step in (0, 30):
    ...         print(f"step {step}: {information.item():.1f} bits")
    step 0: 0.2 bits
    step 30: 1.0 bits
    """
    torch = import_torch("diffusion_spectral_mutual_info")
    affinity = affinity_of(
        affinity, bandwidth, bandwidth_scale, bandwidth_neighbors, metric
    )
    check_course(bandwidth_gradient, alpha, t, normalize)
    check_count(n_repeats, "n_repeats")
    check_samples(torch, Z)
    labels, rng = _labels(y, len(Z)), check_random_state(random_state)
    with torch.autocast(Z.device.type, enabled=False):
        pairs = Pairs.of(torch, Z, affinity, bandwidth_gradient)
        if labels.max() == 0:
            warnings.warn(
                "y has a single group: the mutual information is 0.", stacklevel=2
            )
            return 0 * pairs.Z.sum()
        if pairs.sigma is None:  # identical samples
            return 0 * pairs.Z.sum()
        terms = Sets.drawn(labels, n_repeats, rng)
        entropy, conditional, said = terms.measured(pairs, alpha, t)
    said.warn(normalize and pairs.sigma.ndim > 0)
    difference = entropy - conditional
    if not normalize:
        return difference
    return difference / entropy if entropy > 0 else 0 * difference


def _labels(y, n_samples):
    """Number of each sample's group."""
    y = np.asarray(taken_in_labels(y, "y"))
    if y.dtype.kind in "fc":
        raise TypeError(
            f"y must hold labels, not values; got {y.dtype}. Convert labels to "
            "integers; cut values into bins, for instance by torch.bucketize."
        )
    if y.shape != (n_samples,):
        raise ValueError(
            f"y must have a label for each sample of Z, shape ({n_samples},); got "
            f"shape {y.shape}."
        )
    return group_target(y, "discrete").labels


@dataclass(frozen=True)
class Sets:
    """Groups of samples and random subsets of their sizes, see `DiffusionSpectralMI`.

    Attributes
    ----------
    groups : list of ndarray
        Rows of each group.
    subsets : list of dict
        Rows of a random subset of each size, for each repeat.
    of_sizes : ndarray of shape (n_sizes,)
        Weight of each size.
    """

    groups: list
    subsets: list
    of_sizes: np.ndarray

    @classmethod
    def drawn(cls, labels, n_repeats, rng):
        """Sets that the estimator draws with the same random state."""
        for _ in range(3):  # seeds of its grouping, its scale and its solvers
            rng.randint(MAX_SEED)
        groups, sizes = rows_of_groups(labels), np.bincount(labels)
        nodes = size_nodes(sizes)
        of_sizes = size_weights(nodes, sizes, sizes / len(labels))
        return cls(groups, draw_subsets(len(labels), nodes, n_repeats, rng), of_sizes)

    def measured(self, pairs, alpha, t):
        """Entropy of the subsets, that of the groups, and Terms of what to say."""
        sets = self.groups + [rows for one in self.subsets for rows in one.values()]
        values, kinds = _entropies(pairs, sets, alpha, t)
        n_groups, n_repeats = len(self.groups), len(self.subsets)
        sizes = np.array([len(rows) for rows in self.groups])
        weights = sizes / sizes.sum()
        of_subsets = np.tile(self.of_sizes / n_repeats, n_repeats)
        conditional = _weighted(weights, values[:n_groups])
        entropy = _weighted(of_subsets, values[n_groups:])
        numbers = (one.item() for one in values)
        estimates = list(map(EntropyEstimate.exact, numbers, kinds))
        terms = combine(weights, sizes, self.of_sizes, self.subsets, estimates)
        return entropy, conditional, terms


def _entropies(pairs, sets, alpha, t):
    """Entropies of sets of rows, those of one size together, and their saturation."""
    values, kinds = [None] * len(sets), [""] * len(sets)
    sizes = np.array([len(rows) for rows in sets])
    for m in np.unique(sizes):
        which = np.flatnonzero(sizes == m)
        found = pairs.entropies(np.array([sets[i] for i in which]), alpha, t)
        for i, value, kind in zip(which, *found, strict=True):
            values[i], kinds[i] = value, kind
    return values, kinds


def _weighted(weights, values):
    """Weighted sum of values, in their precision."""
    return sum(float(w) * value for w, value in zip(weights, values, strict=True))
