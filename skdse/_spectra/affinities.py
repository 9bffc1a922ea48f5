"""The names of affinities, and how one is made of its name and parameters."""

from dataclasses import fields

from .._tools.validation import check_option
from .affinity import Affinity, Gaussian, Laplacian, NearestNeighbors
from .given_affinities import Custom, Precomputed, PrecomputedNearestNeighbors

AFFINITIES = {
    "gaussian": Gaussian,
    "laplacian": Laplacian,
    "nearest_neighbors": NearestNeighbors,
    "precomputed": Precomputed,
    "precomputed_nearest_neighbors": PrecomputedNearestNeighbors,
}

PARAMETERS = tuple(field.name for field in fields(Affinity))


def make_affinity(affinity, **params):
    """Affinity of a name or of a callable, with its parameters checked."""
    if callable(affinity):
        return Custom(function=affinity, **params)
    check_option(affinity, "affinity", AFFINITIES)
    return AFFINITIES[affinity](**params)
