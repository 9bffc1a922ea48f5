"""The measures as functions: of arrays, and of tensors with their gradients."""

import inspect
from typing import Any

from . import differentiable
from ._measures.entropy import DiffusionSpectralEntropy
from ._measures.mutual_info import DiffusionSpectralMI
from ._tools.hints import SamplesLike, TargetsLike
from ._tools.intake import requires_gradient


def diffusion_spectral_entropy(X: SamplesLike, **params: Any) -> Any:
    """Compute the diffusion spectral entropy (DSE) of X, in bits.

    Parameters
    ----------
    X : array-like or tensor of shape (n_samples, n_features)
        Representations.
    **params
        Parameters of :class:`DiffusionSpectralEntropy`.

    Returns
    -------
    entropy : float or torch.Tensor of shape ()
        Entropy in bits, between 0 and log2(n_samples); of a tensor that requires grad
        a tensor with its gradient, see
        :func:`skdse.differentiable.diffusion_spectral_entropy`.

    Raises
    ------
    TypeError
        If X requires grad and a parameter is not there for such tensors.
    ValueError
        If X or a parameter is invalid.

    See Also
    --------
    DiffusionSpectralEntropy : The estimator, with error, spectrum and ``score``.

    Examples
    --------
    Three clusters of identical points, far apart, have three diffusion states:

    >>> import numpy as np
    >>> from skdse import diffusion_spectral_entropy
    >>> X = np.repeat([[0.0], [100.0], [200.0]], 5, axis=0)
    >>> entropy = diffusion_spectral_entropy(X, bandwidth=1.0)
    >>> print(f"{2**entropy:.4f}")
    3.0000
    """
    if requires_gradient(X):
        _check_parameters(params, differentiable.diffusion_spectral_entropy)
        return differentiable.diffusion_spectral_entropy(X, **params)
    return DiffusionSpectralEntropy(**params).fit(X).entropy_


def diffusion_spectral_mutual_info(
    X: SamplesLike, y: TargetsLike, **params: Any
) -> Any:
    """Compute the diffusion spectral mutual information (DSMI) of X and y, in bits.

    Parameters
    ----------
    X : array-like or tensor of shape (n_samples, n_features)
        Representations.
    y : array-like or tensor of shape (n_samples,) or (n_samples, ...)
        Labels, values or vectors.
    **params
        Parameters of :class:`DiffusionSpectralMI`.

    Returns
    -------
    mutual_info : float or torch.Tensor of shape ()
        Mutual information in bits (a share of the entropy if ``normalize``). It can
        be slightly negative if X says nothing about y. Of a tensor that requires grad
        a tensor with its gradient, see
        :func:`skdse.differentiable.diffusion_spectral_mutual_info`.

    Raises
    ------
    TypeError
        If X requires grad and a parameter is not there for such tensors.
    ValueError
        If X, y or a parameter is invalid.

    See Also
    --------
    DiffusionSpectralMI : The estimator, with error, terms and ``score``.

    Examples
    --------
    The labels of two clusters that are far apart explain one bit:

    >>> import numpy as np
    >>> from skdse import DiffusionSpectralEntropy
    >>> from skdse import diffusion_spectral_mutual_info
    >>> y = np.repeat([0, 1], 50)
    >>> X = 100.0 * y[:, None]
    >>> dse = DiffusionSpectralEntropy(bandwidth=1.0)
    >>> mi = diffusion_spectral_mutual_info(X, y, estimator=dse, random_state=0)
    >>> print(f"{mi:.4f}")
    1.0000
    """
    if requires_gradient(X):
        _check_parameters(params, differentiable.diffusion_spectral_mutual_info)
        return differentiable.diffusion_spectral_mutual_info(X, y, **params)
    return DiffusionSpectralMI(**params).fit(X, y).mutual_info_


def _check_parameters(params, function):
    """Raise where the function of tensors with a gradient lacks a parameter."""
    known = list(inspect.signature(function).parameters)[1:]
    for name in params:
        if name not in known:
            raise TypeError(
                f"{name} is not there for a tensor that requires grad; got "
                f"{name}={params[name]!r}. Its parameters are {sorted(known)}. For the "
                "value without a gradient pass X.detach()."
            )
