"""Searches for neighbours: who shares them, and what n_jobs does."""

import threading

import numpy as np
import pytest

from skdse import DiffusionSpectralEntropy


@pytest.mark.parametrize("n_jobs", [1, 2])
@pytest.mark.parametrize("bandwidth", ["knn", "adaptive"])
def test_n_jobs_reaches_the_search_for_the_bandwidth(rng, bandwidth, n_jobs):
    seen = set()

    def metric(x, y):
        seen.add(threading.get_ident())
        return np.abs(x - y).max()

    X = rng.normal(size=(60, 3))
    dse = DiffusionSpectralEntropy(bandwidth=bandwidth, metric=metric, n_jobs=n_jobs)
    dse.fit(X)
    others = seen - {threading.get_ident()}
    # Affinities are made in threads of their own, which come after the search: of those
    # that one job makes none is left out.
    expected = DiffusionSpectralEntropy(bandwidth=bandwidth, metric="chebyshev").fit(X)
    assert dse.entropy_ == pytest.approx(expected.entropy_, abs=1e-12)
    if n_jobs == 1:
        assert others == set()
    else:
        assert len(others) >= 1


@pytest.mark.parametrize("affinity", ["gaussian", "nearest_neighbors"])
def test_samples_that_changed_in_place_are_searched_again(rng, affinity):
    # The very array that was fitted, with other content: nobody may take it for the
    # fitted samples.
    X = rng.normal(size=(80, 3))
    dse = DiffusionSpectralEntropy(affinity=affinity, bandwidth=1.0, n_neighbors=5)
    dse.fit(X)
    X[:] = rng.uniform(size=X.shape)
    assert dse.score(X) == dse.score(X.copy())


def test_bandwidth_and_graph_share_one_search(rng, capsys):
    X = rng.normal(size=(80, 3))
    DiffusionSpectralEntropy(affinity="nearest_neighbors", verbose=1).fit(X)
    assert capsys.readouterr().err.count("searching") == 1
