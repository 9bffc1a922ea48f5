"""Affinities as the tests of the rooms below estimators need them."""

import numpy as np

from skdse._spectra.affinity import Gaussian
from skdse._spectra.bandwidth import Bandwidth
from skdse._spectra.diffusion import diffusion_operator
from skdse._spectra.gibbs import gaussian_entries
from skdse._spectra.kernels import edges_affinity
from skdse._spectra.matrices import as_matrix
from skdse._spectra.neighbors import NeighborIndex
from skdse._spectra.placements import WHOLE_DATA_METRICS
from skdse._spectra.tiles import TiledKernel


def gaussian_tiles(
    X, sigma, metric="euclidean", dtype=np.float32, keep=False, shared=0.0
):
    """Gaussian affinity of all pairs, in tiles."""
    entries = gaussian_entries(X, Bandwidth(sigma, shared=shared), metric, dtype)
    return TiledKernel(entries, np.inf if keep else 0)


def gaussian_affinity(X, sigma, metric="euclidean", dtype=np.float64, shared=0.0):
    """Gaussian affinity of all pairs, as an array."""
    if metric in WHOLE_DATA_METRICS or dtype == np.float64:
        G = Gaussian(metric=metric).array(X, Bandwidth(sigma, shared=shared))
        return G.astype(dtype, copy=False)
    return gaussian_tiles(X, sigma, metric, dtype, shared=shared).toarray()


def neighbors_affinity(X, k, sigma, metric="euclidean"):
    """Affinity on the graph of k nearest neighbours, CSR."""
    return edges_affinity(len(X), *NeighborIndex(X, metric, k).edges(k), sigma)


def operator_of(G, alpha=0.5, **params):
    """Diffusion operator of an affinity in an array, dense or sparse."""
    return diffusion_operator(as_matrix(G), alpha, **params)
