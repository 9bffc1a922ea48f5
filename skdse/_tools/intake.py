"""Samples and labels as they come: tensors and arrays of any library, taken in.

What lies on the host becomes a NumPy array without a copy; what lies on a device stays
there, as floats, see `arrays`.
"""

import math
from typing import Any, TypeGuard

import array_api_compat as compat
import numpy as np
import scipy.sparse as sp

from .arrays import (
    HOST_MEMORY,
    is_device_array,
    is_finite,
    is_lazy_or_sparse,
    is_on_host,
    namespace,
    to_host,
)
from .cells import stacked
from .containers import opened
from .hints import Tensor
from .lazy_frames import as_lazy_array, is_lazy_frame

# What DLPack calls memory that CUDA reaches.
CUDA_MEMORY = 2, 13


def taken_in(X, name="X"):
    """X as a NumPy array where it lies on the host, else as floats on its device.

    A gradient is left behind, and half precision raised to float32. A frame of Dask
    becomes an array of Dask. Whatever is no array of the standard and knows no DLPack
    is returned as it is.
    """
    X = stacked(X, name)
    if compat.is_torch_array(X):
        return _taken_from_torch(X, name)
    if is_lazy_frame(X):
        return as_lazy_array(X, name)
    X = X if sp.issparse(X) or is_lazy_or_sparse(X) else opened(X, name)
    if isinstance(X, (np.ndarray, np.generic)) or sp.issparse(X):
        return X
    if is_lazy_or_sparse(X) or not hasattr(X, "__dlpack_device__"):
        return X
    if not compat.is_array_api_obj(X) or compat.is_jax_array(X):
        return _taken_by_dlpack(X, name)
    if is_on_host(X):
        return np.asarray(X)
    return _raised(X, name)


def gathered(X, name="X"):
    """X for any model: tensors in a list or in cells as one array, all else as it is.

    A tuple is several inputs of a network, each with its own rows.
    """
    found = X if isinstance(X, tuple) else stacked(X, name)
    return X if found is X else taken_in(found, name)


def requires_gradient(X: Any) -> TypeGuard[Tensor]:
    """Whether X is a tensor whose measures are to have a gradient."""
    return compat.is_torch_array(X) and X.requires_grad


def taken_in_labels(y, name="y"):
    """Labels or values of samples as a NumPy array, wherever they lie.

    They are one number a sample, which may leave a device. Vectors stay there.
    """
    y = stacked(y, name)
    if compat.is_torch_array(y):
        _check_torch(y, name)
        y = y.detach()
        y = y.float() if y.dtype.itemsize < 4 and y.is_floating_point() else y
    if not is_device_array(y):
        return y
    are_vectors = math.prod(y.shape[1:]) > 1
    return y if are_vectors and not is_on_host(y) else to_host(y)


def check_samples_on_device(X, context):
    """Raise unless X is finite, of shape (n_samples, n_features), none of them 0."""
    if X.ndim != 2 or 0 in X.shape:
        raise ValueError(
            f"X must have shape (n_samples, n_features), none of them 0, for "
            f"{context}; got {tuple(X.shape)}."
        )
    if not is_finite(X):
        raise ValueError(
            f"Input X contains NaN or infinity. {context} takes finite numbers: leave "
            "such samples or features out, or look for what made them."
        )


def check_same_device(X, y):
    """Raise where y lies on a device, and X on another one or on the host."""
    if compat.is_torch_array(y):
        _check_torch(y, "y")
    if not is_device_array(y) or is_on_host(y):
        return
    of_X = compat.device(X) if is_device_array(X) else "cpu"
    if of_X != compat.device(y):
        raise ValueError(
            f"X and y must lie on the same device, or y on the host; got {of_X} and "
            f"{compat.device(y)}. Move one of them, for instance by y.to(X.device)."
        )


def _taken_from_torch(X, name):
    """Tensor as a NumPy array, or without gradient on its device."""
    _check_torch(X, name)
    if not X.is_floating_point():
        raise TypeError(
            f"{name} must be a tensor of floats; got {X.dtype}. Pass {name}.float()."
        )
    X = X.detach()
    X = X.float() if X.dtype.itemsize < 4 else X
    return X.numpy() if X.device.type == "cpu" else X


def _check_torch(X, name):
    """Raise unless a tensor holds its own plain numbers."""
    import torch

    if X.device.type == "meta":
        raise TypeError(
            f"{name} must hold numbers; got a tensor on the device 'meta', which has "
            "a shape alone."
        )
    if X.layout != torch.strided or X.is_nested:
        raise TypeError(
            f"{name} must be a dense tensor; got one with layout {X.layout}. Pass "
            f"{name}.to_dense(), or a sparse matrix of SciPy where one is taken."
        )
    if X.is_complex() or X.is_quantized:
        raise TypeError(
            f"{name} must be a tensor of real numbers; got {X.dtype}. Pass its real "
            "part, its modulus, or dequantized values."
        )


def _taken_by_dlpack(X, name):
    """Array of a library without the standard, or whose arrays cannot be changed."""
    kind = X.__dlpack_device__()[0]
    if kind == HOST_MEMORY:
        return np.asarray(X) if hasattr(X, "__array__") else np.from_dlpack(X)
    if kind not in CUDA_MEMORY:
        raise TypeError(
            f"{name} lies on a device that is not known; got {type(X).__name__}. "
            "Pass a torch.Tensor, a cupy.ndarray or a NumPy array."
        )
    try:
        from torch import from_dlpack
    except ImportError:
        from cupy import from_dlpack
    return taken_in(from_dlpack(X), name)


def _raised(X, name):
    """Array on a device as float32 or float64."""
    xp = namespace(X)
    if not xp.isdtype(X.dtype, "real floating"):
        raise TypeError(
            f"{name} must be an array of real floats; got {X.dtype}. Convert it, for "
            "instance to float32."
        )
    is_half = xp.finfo(X.dtype).bits < 32
    return xp.astype(X, xp.float32) if is_half else X
