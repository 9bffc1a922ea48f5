"""Nothing of the size of the samples or of their affinity leaves a device."""

import numpy as np
import pytest
from moves import Moves
from places import on_device
from sklearn.datasets import load_digits
from sklearn.neural_network import MLPClassifier

from skdse import (
    AdjacencySpectralEntropy,
    DiffusionSpectralEntropy,
    DiffusionSpectralMI,
    MatrixEntryEntropy,
    ShannonEntropy,
    mutual_info_confidence_interval,
    mutual_info_permutation_test,
)
from skdse.model_selection import representation_scorer, select_representation
from skdse.probing import RepresentationTracker

N_SAMPLES, N_FEATURES = 150, 64
# A neighbour search brings the 15 neighbours of each sample, their 15 distances and a
# few spare ones, which are fewer than the features; so does a block of eight probes.
LIMIT = N_SAMPLES * N_FEATURES / 2


@pytest.fixture
def moves(monkeypatch):
    """Count what leaves a device."""
    return Moves(monkeypatch)


@pytest.fixture(scope="module")
def data():
    """Samples and labels on a device."""
    X, y = load_digits(return_X_y=True)
    return on_device(X[:N_SAMPLES]), on_device(y[:N_SAMPLES])


def test_moves_are_counted(moves, data):
    X, _ = data
    X.to_device(X.device)
    assert moves.largest == 0
    X.to_device(on_device(np.zeros(1), "device2").device)
    assert moves.largest == N_SAMPLES * N_FEATURES


ENTROPIES = {
    "dense": DiffusionSpectralEntropy(),
    "dense32": DiffusionSpectralEntropy(eigen_solver="dense32"),
    "arpack": DiffusionSpectralEntropy(eigen_solver="arpack", n_components=8),
    "lanczos": DiffusionSpectralEntropy(eigen_solver="lanczos"),
    "adaptive": DiffusionSpectralEntropy(bandwidth="adaptive", metric="sqeuclidean"),
    "reduced": DiffusionSpectralEntropy(bandwidth="reduced"),
    "knn": DiffusionSpectralEntropy(bandwidth="knn", metric="cosine"),
    "laplacian": DiffusionSpectralEntropy(affinity="laplacian"),
    "graph": DiffusionSpectralEntropy(affinity="nearest_neighbors"),
    "knee": DiffusionSpectralEntropy(t="auto"),
    "subsamples": DiffusionSpectralEntropy(max_samples=100, n_repeats=2),
    "shannon": ShannonEntropy(),
    "shannon of each": ShannonEntropy(bin_range="each"),
    "matrix entries": MatrixEntryEntropy(),
    "adjacency": AdjacencySpectralEntropy(),
    "anisotropic": AdjacencySpectralEntropy("anisotropic"),
    "directed graph": AdjacencySpectralEntropy("nearest_neighbors"),
}


@pytest.mark.parametrize("name", ENTROPIES)
def test_entropies(name, moves, data):
    X, _ = data
    entropy = ENTROPIES[name].fit(X)
    entropy.score(X)
    entropy.score(X[:100, :])
    entropy.transform(X)
    assert 0 < moves.largest < LIMIT


@pytest.mark.parametrize("affinity", ["precomputed", lambda X: X @ X.T])
def test_affinities_of_the_user(affinity, moves, data):
    X, _ = data
    X = X @ X.T if affinity == "precomputed" else X
    DiffusionSpectralEntropy(affinity=affinity).fit(X)
    assert 0 < moves.largest < LIMIT


@pytest.mark.filterwarnings("ignore:.*(few samples|same value)")
@pytest.mark.parametrize("target", ["labels", "values", "vectors"])
@pytest.mark.parametrize("params", [{}, {"max_samples": 100, "n_repeats": 2}])
def test_mutual_information(target, params, moves, data):
    X, y = data
    y = {"labels": y, "values": X[:, 20] + 0.5, "vectors": X}[target]
    kind = "discrete" if target == "labels" else "continuous"
    dsmi = DiffusionSpectralMI(target=kind, random_state=0, **params).fit(X, y)
    dsmi.score(X, y)
    assert 0 < moves.largest < LIMIT


def test_many_vectors_in_clusters(moves, data, monkeypatch):
    from skdse._measures import grouping

    monkeypatch.setattr(grouping, "SPECTRAL_MAX_SAMPLES", 100)
    grouping.group_target(data[0], random_state=0).regroup(data[0])
    assert 0 < moves.largest < LIMIT


def test_permutation_test_and_interval(moves, data):
    mutual_info_permutation_test(*data, n_permutations=9, random_state=0)
    mutual_info_confidence_interval(*data, n_subsamples=3, random_state=0)
    assert 0 < moves.largest < LIMIT


@pytest.mark.parametrize("measure", ["dsmi", "dsmi_input"])
def test_scorers_and_ranking(measure, moves, data):
    X, y = data

    def hand_on(estimator, X):
        return X

    representation_scorer(measure, representation=hand_on)(None, X, y)
    select_representation({"X": X}, X, y, measure=measure, n_permutations=0)
    assert 0 < moves.largest < LIMIT


def test_tracker(moves, data):
    X, y = load_digits(return_X_y=True)
    mlp = MLPClassifier((32, 40), max_iter=3, solver="lbfgs", random_state=0)
    with pytest.warns(match="failed to converge"):
        mlp.fit(X[:N_SAMPLES], y[:N_SAMPLES])
    tracker = RepresentationTracker(X=data[0], y=data[1])
    records = tracker(mlp)
    assert [one["layer"] for one in records] == ["hidden_1", "hidden_2", "output"]
    assert 0 < moves.largest < N_SAMPLES * 32
