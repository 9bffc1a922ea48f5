"""Diffusion spectral measures of tensors of PyTorch, with their gradients.

Parameters are those of the estimators. The steps from the affinity to the eigenvalues,
and from there to the entropy, are the same code.
"""

from ._entropy import diffusion_spectral_entropy, torch_diffusion_spectral_entropy
from ._mutual_info import diffusion_spectral_mutual_info

__all__ = [
    "diffusion_spectral_entropy",
    "diffusion_spectral_mutual_info",
    "torch_diffusion_spectral_entropy",
]
