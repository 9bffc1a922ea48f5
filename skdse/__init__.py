"""Diffusion spectral entropy and mutual information as scikit-learn estimators."""

from ._functions import diffusion_spectral_entropy, diffusion_spectral_mutual_info
from ._measures.baselines import (
    AdjacencySpectralEntropy,
    MatrixEntryEntropy,
    ShannonEntropy,
)
from ._measures.confidence import mutual_info_confidence_interval
from ._measures.entropy import DiffusionSpectralEntropy
from ._measures.mutual_info import DiffusionSpectralMI
from ._measures.permutation import mutual_info_permutation_test
from ._version import __version__, show_versions

__all__ = [
    "AdjacencySpectralEntropy",
    "DiffusionSpectralEntropy",
    "DiffusionSpectralMI",
    "MatrixEntryEntropy",
    "ShannonEntropy",
    "__version__",
    "diffusion_spectral_entropy",
    "diffusion_spectral_mutual_info",
    "mutual_info_confidence_interval",
    "mutual_info_permutation_test",
    "show_versions",
]
