"""Whether products with an affinity are made without writing tiles to memory.

They are by a kernel of Triton, see `triton_tiles`, where that can run.
"""

import array_api_compat as compat
import numpy as np

from .._tools.progress import say
from .gibbs import GibbsEntries
from .kernels import GaussianEntries, SquaredEntries
from .metrics import EUCLIDEAN

# The first generation of cards, Ampere, that multiplies in TF32.
TF32_CAPABILITY = (8, 0)
# Entries that the kernel has, and their numbers in it.
KINDS = {GaussianEntries: 0, SquaredEntries: 1, GibbsEntries: 2}


def fused_products(entries, verbose=0):
    """Maker of products that keeps no tile, or None where plain tiles have to do."""
    found, reason = None, _obstacle(entries)
    if reason is None:
        found, reason = _tried(entries)
    if verbose:
        how = f"plain tiles, {reason}" if found is None else "a kernel of Triton"
        say(f"affinity: products by {how}")
    return found


def _obstacle(entries):
    """Why the kernel does not have these entries, or None."""
    if not (compat.is_torch_array(entries.X) and entries.X.device.type == "cuda"):
        return "no tensor on CUDA"
    if _capability(entries.X) < TF32_CAPABILITY:
        return "a card without TF32"
    if type(entries) not in KINDS:
        return "another affinity than the Gaussian"
    if entries.metric not in EUCLIDEAN:
        return f"metric {entries.metric!r}"
    if entries.exponent_dtype != np.float32:
        return "exponents in float64"
    taken_off = getattr(entries, "taken_off", 0.0)
    if np.ndim(taken_off) and np.any(taken_off):
        return "bandwidths of single samples beside a shared distance"
    return None


def _capability(X):
    """Generation of the card on which a tensor lies."""
    import torch

    return torch.cuda.get_device_capability(X.device)


def _tried(entries):
    """Products by Triton, and why there are none: it lacks a part, or a compiler."""
    try:
        from .triton_tiles import TritonProducts

        products = TritonProducts(entries, KINDS[type(entries)])
        # It is compiled now, and not for nothing.
        n = min(entries.n_samples, 16)
        v = products.U[:n]
        products.products(n, v, v)
    except Exception as error:  # of Triton, a compiler or a driver: of any kind
        return None, f"Triton fails: {type(error).__name__}"
    return products, None
