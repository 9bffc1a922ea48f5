"""Record results of skdse to the last bit, and compare those of another version.

A change of the insides of skdse alone changes no result. Record with the version
before it, compare with the version after it, on the same machine and with the same
packages around it, for all of these have a say in the last bits:

    python doc/benchmarks/same_bits.py record before.json
    python doc/benchmarks/same_bits.py compare before.json
    python doc/benchmarks/same_bits.py compare before.json --only "dse lanczos*"

A job is a function without arguments that returns numbers, arrays, texts, or lists and
dicts of these. Floats are kept as ``float.hex`` has them; arrays as their type, shape
and hash, with their first 50 values, so that a difference has a size. Jobs reach skdse
by its public names and its command line only. What depends on the clock is left out,
as are hashes of settings and texts of warnings. Two measures that had other names in
version 0.1.0 go by the later ones: see `RENAMED`.

Comparing prints for each job "same" or what differs, and ends with exit status 1 if
anything does. It needs the extras "plot" and "torch", and pandas. All jobs together
take a minute or two on two cores.
"""

import argparse
import csv
import json
import os
import subprocess
import sys
import tempfile
import time
import warnings
from fnmatch import fnmatchcase
from functools import partial
from hashlib import sha256
from importlib.metadata import version
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import scipy.sparse as sp
import torch
from joblib import parallel_config
from sklearn import config_context
from sklearn.base import BaseEstimator
from sklearn.cluster import KMeans
from sklearn.datasets import load_digits
from sklearn.decomposition import PCA
from sklearn.metrics import euclidean_distances
from sklearn.model_selection import GridSearchCV, cross_validate
from sklearn.neighbors import kneighbors_graph
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from skorch import NeuralNetClassifier
from threadpoolctl import threadpool_info

import skdse
from skdse import (
    AdjacencySpectralEntropy,
    MatrixEntryEntropy,
    ShannonEntropy,
    diffusion_spectral_entropy,
    diffusion_spectral_mutual_info,
    mutual_info_confidence_interval,
    mutual_info_permutation_test,
)
from skdse import DiffusionSpectralEntropy as DSE
from skdse import DiffusionSpectralMI as DSMI
from skdse.datasets import corrupt_labels, make_manifold, make_tree
from skdse.differentiable import torch_diffusion_spectral_entropy
from skdse.model_selection import representation_scorer, select_representation
from skdse.plotting import (
    EntropyCurveDisplay,
    LayerProfileDisplay,
    MutualInfoDisplay,
    SpectrumDisplay,
    TrainingDynamicsDisplay,
)
from skdse.probing import RepresentationTracker, layer_activations

# Packages whose versions have a say in the last bits.
PACKAGES = ("numpy", "scipy", "scikit-learn", "torch", "skorch")
# Values of an array that are kept.
N_VALUES = 50
# Names of measures in version 0.1.0: later ones.
RENAMED = {"dsmi_y": "dsmi", "dsmi_x": "dsmi_input"}
STD_ERROR = "_std_error"
# Entries of records that are no result.
NOT_RESULTS = ("seconds", "settings", "fit_time", "score_time")
TIMES = (0.5, 1.0, 3.0, 10.0, 50.0)
ENTROPY = (
    "entropy_",
    "entropy_std_error_",
    "entropy_interval_",
    "effective_rank_",
    "eigenvalues_",
    "bandwidth_",
    "t_",
    "data_min_",
    "data_max_",
)
MUTUAL_INFO = (
    "mutual_info_",
    "mutual_info_std_error_",
    "entropy_",
    "conditional_entropy_",
    "group_entropies_",
    "groups_",
    "labels_",
)
TEST = ("statistic", "pvalue", "null_distribution", "std_error", "n_partitions")
INTERVAL = ("statistic", "low", "high", "std_error", "n_samples_each")

# Name: function.
JOBS = {}


def job(function):
    """Make a job of a function, by its name."""
    JOBS[function.__name__.replace("_", " ")] = function
    return function


def add(name, function, **arguments):
    """Make a job of a function and its arguments."""
    JOBS[name] = partial(function, **arguments)


# Samples


def blobs(n=400, d=10, k=4, seed=1):
    """Samples of k far groups, the same at every seed, and their labels."""
    centers = 3 * np.random.default_rng(0).normal(size=(k, d))
    rng = np.random.default_rng(seed)
    y = rng.permutation(np.arange(n) % k)
    return centers[y] + rng.normal(size=(n, d)), y


def groups_of(sizes, d=8):
    """Samples in groups of these sizes, and their labels."""
    rng = np.random.default_rng(2)
    y = rng.permutation(np.repeat(np.arange(len(sizes)), sizes))
    spread = 1 + np.arange(len(sizes))[y, None] / len(sizes)
    return 2 * rng.normal(size=(len(sizes), d))[y] + spread * rng.normal(
        size=(len(y), d)
    ), y


def digits(n, start=0):
    """Some of the bundled digits, and their labels."""
    X, y = load_digits(return_X_y=True)
    return X[start : start + n] / 16, y[start : start + n]


def gaussian_of(X):
    """Affinity of all pairs."""
    return np.exp(-euclidean_distances(X, squared=True) / 50)


def graph_of(X):
    """Sparse affinity: the number of samples that list each other."""
    graph = kneighbors_graph(X, 10)
    return sp.csr_array(graph + graph.T)


def largest_difference(x, y):
    """Distance between two samples, as a metric of one's own."""
    return float(np.max(np.abs(x - y)))


# Entropies


def found(result, names):
    """Attributes of a result, those that it has."""
    return {name: getattr(result, name) for name in names if hasattr(result, name)}


def entropy(X, other, estimator):
    """Fit an entropy, and score the same and other samples."""
    estimator.fit(X)
    values = found(estimator, ENTROPY)
    values |= {"score": estimator.score(X), "other score": estimator.score(other)}
    if hasattr(estimator, "entropy_curve"):
        values["curve"] = estimator.entropy_curve(TIMES)
    return values


def dse(n=400, d=10, dtype=float, **params):
    """Diffusion spectral entropy of blobs."""
    X, other = (blobs(m, d, seed=i)[0].astype(dtype) for i, m in ((1, n), (2, n // 3)))
    params = {"random_state": 0} | params
    return entropy(X, other, DSE(**params))


def dse_precomputed(affinity, n=300, **params):
    """Diffusion spectral entropy of an affinity matrix."""
    X, other = (affinity(blobs(m, seed=i)[0]) for i, m in ((1, n), (2, n // 3)))
    params = {"affinity": "precomputed", "random_state": 0} | params
    return entropy(X, other, DSE(**params))


def baseline(of, **params):
    """Entropy of another kind, of blobs."""
    (X, _), (other, _) = blobs(300, 4), blobs(100, 4, seed=2)
    return entropy(X, other, of(random_state=0, **params))


add("dse default", dse)
add("dse float32", dse, dtype=np.float32)
add("dse bandwidth number", dse, bandwidth=3.5)
add("dse bandwidth scale", dse, bandwidth="median", bandwidth_scale=0.4)
add("dse bandwidth reduced", dse, bandwidth="reduced")
add("dse bandwidth knn", dse, bandwidth="knn", bandwidth_neighbors=7)
add("dse bandwidth adaptive", dse, bandwidth="adaptive", bandwidth_scale=1.5)
add("dse sqeuclidean adaptive", dse, metric="sqeuclidean", bandwidth="adaptive")
add("dse sqeuclidean reduced", dse, metric="sqeuclidean", bandwidth="reduced")
add("dse cosine", dse, metric="cosine")
add("dse manhattan knn", dse, metric="manhattan", bandwidth="knn", n_jobs=2)
add("dse seuclidean", dse, metric="seuclidean")
add("dse seuclidean reduced", dse, metric="seuclidean", bandwidth="reduced")
add("dse metric callable", dse, metric=largest_difference, n=60)
add("dse alpha 0", dse, alpha=0.0, bandwidth_scale=0.5)
add("dse alpha 1", dse, alpha=1.0, bandwidth_scale=0.5)
add("dse t 2.5", dse, t=2.5)
add("dse t auto", dse, t="auto", bandwidth_scale=0.5)
add("dse normalize", dse, normalize=True)
add("dse arpack", dse, eigen_solver="arpack")
add(
    "dse arpack few components",
    dse,
    eigen_solver="arpack",
    n_components=12,
    alpha=0.0,
    bandwidth="adaptive",
    t=2,
)
add("dse max_samples", dse, max_samples=150)
add(
    "dse max_samples repeats",
    dse,
    max_samples=0.3,
    n_repeats=3,
    normalize=True,
    t="auto",
)
add("dse callable affinity", dse, affinity=gaussian_of)
add("dse callable sparse affinity", dse, affinity=graph_of)
dse_knn_graph = partial(dse, affinity="nearest_neighbors")
add("dse knn graph dense", dse_knn_graph, eigen_solver="dense")
add("dse knn graph arpack", dse_knn_graph, eigen_solver="arpack", alpha=0.0)
add("dse knn graph bandwidth median", dse_knn_graph, bandwidth="median", n_neighbors=8)
add("dse knn graph bandwidth reduced", dse_knn_graph, bandwidth="reduced")
add("dse knn graph cosine", dse_knn_graph, metric="cosine", alpha=1.0)
add("dse knn graph manhattan", dse_knn_graph, metric="manhattan", n_jobs=2, t="auto")
add("dse knn graph lanczos", dse_knn_graph, n=900, eigen_solver="lanczos", tol=0.02)
add(
    "dse knn graph lanczos tight",
    dse_knn_graph,
    n=900,
    eigen_solver="lanczos",
    tol=0.004,
)
add(
    "dse knn graph lanczos t 5",
    dse_knn_graph,
    n=700,
    eigen_solver="lanczos",
    tol=0.02,
    t=5,
)
add("dse knn graph max_samples", dse_knn_graph, max_samples=200, n_repeats=2)
dse_lanczos = partial(dse, eigen_solver="lanczos")
add("dse lanczos small", dse_lanczos, n=600)
add("dse lanczos adaptive", dse_lanczos, n=1000, bandwidth="adaptive")
add("dse lanczos reduced", dse_lanczos, n=700, bandwidth="reduced", tol=0.01)
add("dse lanczos narrow", dse_lanczos, n=1200, bandwidth_scale=0.25, alpha=0.0)
add("dse lanczos cosine", dse_lanczos, n=700, metric="cosine")
add(
    "dse lanczos sqeuclidean adaptive",
    dse_lanczos,
    n=700,
    metric="sqeuclidean",
    bandwidth="adaptive",
)
add("dse lanczos t auto", dse_lanczos, n=700, t="auto", bandwidth_scale=0.5)
add("dse lanczos t 0.5 alpha 1", dse_lanczos, n=600, t=0.5, alpha=1.0)
add("dse lanczos float32", dse_lanczos, n=1500, dtype=np.float32)
add("dse lanczos loose", dse_lanczos, n=800, tol=0.02)
add("dse lanczos out of reach", dse_lanczos, n=600, tol=1e-06, bandwidth_scale=0.3)
add("dse lanczos max_samples", dse_lanczos, n=1500, max_samples=500, n_repeats=2)
add("dse lanczos chosen", dse_lanczos, n=2300, eigen_solver="auto")
add("dse lanczos tiles", dse_lanczos, n=3000, d=32, bandwidth_scale=0.7)
add("dse precomputed dense", dse_precomputed, affinity=gaussian_of)
add("dse precomputed sparse", dse_precomputed, affinity=graph_of)
add(
    "dse precomputed lanczos",
    dse_precomputed,
    affinity=gaussian_of,
    n=700,
    eigen_solver="lanczos",
)
add(
    "dse precomputed sparse lanczos",
    dse_precomputed,
    affinity=graph_of,
    n=600,
    eigen_solver="lanczos",
    tol=0.02,
)
add(
    "dse precomputed sparse max_samples",
    dse_precomputed,
    affinity=graph_of,
    max_samples=0.5,
    n_repeats=2,
)
add("baseline shannon", baseline, of=ShannonEntropy)
add(
    "baseline shannon each",
    baseline,
    of=ShannonEntropy,
    n_bins=4,
    bin_range="each",
    normalize=True,
)
add("baseline matrix entry", baseline, of=MatrixEntryEntropy)
add(
    "baseline matrix entry adaptive",
    baseline,
    of=MatrixEntryEntropy,
    bandwidth="adaptive",
    metric="manhattan",
    alpha=1.0,
    normalize=True,
    max_samples=120,
)
add("baseline adjacency gaussian", baseline, of=AdjacencySpectralEntropy)
add(
    "baseline adjacency anisotropic",
    baseline,
    of=AdjacencySpectralEntropy,
    adjacency="anisotropic",
    bandwidth="reduced",
)
add(
    "baseline adjacency knn",
    baseline,
    of=AdjacencySpectralEntropy,
    adjacency="nearest_neighbors",
    normalize=True,
)


@job
def dse_lanczos_tiles_little_memory():
    with config_context(working_memory=1):
        return dse(n=3000, eigen_solver="lanczos", bandwidth="knn", bandwidth_scale=2.0)


@job
def dse_lanczos_far_from_origin():
    X, _ = blobs(600)
    params = {"bandwidth": "knn", "eigen_solver": "lanczos", "random_state": 0}
    X[:300] *= 1e4
    return entropy(X + 1e4, X[::4] + 1e4, DSE(**params))


@job
def dse_few_distinct_samples():
    X = np.round(blobs(200, 2)[0] / 3)
    return {
        bandwidth: entropy(X, X[:50], DSE(bandwidth=bandwidth))
        for bandwidth in ("median", "adaptive", "knn", "reduced")
    } | {
        "identical": entropy(X[:1].repeat(9, 0), X[:5], DSE()),
        "single": entropy(X[:1], X[:5], DSE()),
    }


@job
def dse_random_states():
    X, _ = blobs(400)
    state = np.random.RandomState(3)
    of_state = DSE(max_samples=150, n_repeats=2, random_state=state)
    np.random.seed(3)
    of_numpy = DSE(max_samples=100, eigen_solver="arpack")
    return {
        "instance": entropy(X, X[:300], of_state),
        "numpy's own": entropy(X, X[:300], of_numpy),
        "next": state.randint(1000),
    }


@job
def dse_pipeline():
    X, _ = digits(300)
    X = pd.DataFrame(X, columns=[f"pixel {i}" for i in range(64)])
    probe = DSE(bandwidth="knn")
    pipeline = make_pipeline(PCA(8, random_state=0), probe).fit(X)
    fitted = DSE(metric="manhattan").fit(X)
    return {
        "transformed": pipeline.transform(X),
        "entropy": probe.entropy_,
        "score": pipeline.score(X),
        "of a frame": fitted.entropy_,
        "names": fitted.feature_names_in_,
    }


@job
def functions():
    X, y = digits(300)
    return {
        "dse": diffusion_spectral_entropy(X, alpha=0.2),
        "dsmi": diffusion_spectral_mutual_info(X, y, n_repeats=3, random_state=0),
    }


# Mutual information


class LogVolume(BaseEstimator):
    """Entropy of a normal distribution: an estimator that is none of skdse's."""

    def __init__(self, ridge=1.0):
        self.ridge = ridge

    def fit(self, X, y=None):
        """Fit the spread of each feature."""
        self.spread_ = X.std(axis=0) + self.ridge
        return self

    def score(self, X, y=None):
        """Half the logarithm of the determinant of the covariance, in bits."""
        Z = (X - X.mean(axis=0)) / self.spread_
        covariance = Z.T @ Z / len(Z) + self.ridge * np.eye(Z.shape[1])
        return 0.5 * np.linalg.slogdet(covariance)[1] / np.log(2)


def mutual_info(X, y, other, of=None, **params):
    """Fit a mutual information, and score the same and other samples."""
    dsmi = DSMI(of, **{"random_state": 0} | params).fit(X, y)
    return found(dsmi, MUTUAL_INFO) | {
        "bandwidth": getattr(dsmi.estimator_, "bandwidth_", None),
        "t": getattr(dsmi.estimator_, "t_", None),
        "score": dsmi.score(X, y),
        "other score": dsmi.score(*other),
    }


def dsmi(n=300, names=None, dtype=float, **params):
    """Mutual information of blobs and their groups."""
    (X, y), (other, other_y) = blobs(n), blobs(n // 3, seed=2)
    if names is not None:
        y, other_y = np.array(names)[y], np.array(names)[other_y]
    return mutual_info(X.astype(dtype), y, (other.astype(dtype), other_y), **params)


def dsmi_values(n_targets, **params):
    """Mutual information of blobs and values or vectors, with noise."""
    (X, _), (other, _) = blobs(300), blobs(100, seed=2)
    rng = np.random.default_rng(4)
    y, other_y = (
        Z[:, :n_targets] + rng.normal(size=(len(Z), n_targets)) for Z in (X, other)
    )
    if n_targets == 1:
        y, other_y = y.ravel(), other_y.ravel()
    return mutual_info(X, y, (other, other_y), **params)


def dsmi_sizes(sizes, **params):
    """Mutual information of samples and groups of these sizes."""
    X, y = groups_of(sizes)
    return mutual_info(X, y, (X[::2], y[::2]), **params)


def dsmi_precomputed(affinity, **params):
    """Mutual information of an affinity matrix and groups."""
    (X, y), (other, other_y) = blobs(200), blobs(80, seed=2)
    dse = DSE(affinity="precomputed")
    other = affinity(other), other_y
    return mutual_info(affinity(X), y, other, of=dse, **params)


add("dsmi default", dsmi)
add("dsmi float32", dsmi, dtype=np.float32)
add("dsmi names", dsmi, names=["mouse", "cat", "bird", "dog"])
add("dsmi objects", dsmi, names=np.array(["c", "a", "d", "b"], dtype=object))
add("dsmi one repeat", dsmi, n_repeats=1)
add("dsmi normalize", dsmi, normalize=True, n_repeats=3)
add("dsmi one job", dsmi, n_jobs=1)
add("dsmi two jobs", dsmi, n_jobs=2)
add("dsmi max_samples", dsmi, max_samples=120, n_repeats=3)
add(
    "dsmi max_samples normalize",
    dsmi,
    max_samples=0.5,
    n_repeats=2,
    normalize=True,
    names=["b", "a", "d", "c"],
)
add("dsmi of dse median", dsmi, of=DSE(t=2))
add("dsmi of dse reduced", dsmi, of=DSE(bandwidth="reduced"))
add("dsmi of dse t auto", dsmi, of=DSE(t="auto", bandwidth_scale=0.5))
add("dsmi of dse max_samples", dsmi, of=DSE(max_samples=50))
add("dsmi of dse arpack", dsmi, of=DSE(eigen_solver="arpack", n_components=9))
add("dsmi of dse lanczos", dsmi, n=800, of=DSE(eigen_solver="lanczos"))
add(
    "dsmi of dse lanczos adaptive",
    dsmi,
    n=600,
    n_repeats=2,
    of=DSE(eigen_solver="lanczos", bandwidth="adaptive", metric="sqeuclidean"),
)
add(
    "dsmi of dse lanczos max_samples",
    dsmi,
    n=1200,
    max_samples=600,
    n_repeats=2,
    of=DSE(eigen_solver="lanczos", tol=0.01),
)
add("dsmi of dse knn graph", dsmi, of=DSE(affinity="nearest_neighbors"))
add("dsmi of dse callable", dsmi, of=DSE(affinity=gaussian_of))
add("dsmi of shannon", dsmi, of=ShannonEntropy(3))
add("dsmi of shannon each", dsmi, of=ShannonEntropy(3, bin_range="each"))
add("dsmi of matrix entry", dsmi, of=MatrixEntryEntropy())
add(
    "dsmi of matrix entry adaptive",
    dsmi,
    of=MatrixEntryEntropy(bandwidth="adaptive"),
    normalize=True,
)
add("dsmi of adjacency gaussian", dsmi, of=AdjacencySpectralEntropy())
add("dsmi of adjacency anisotropic", dsmi, of=AdjacencySpectralEntropy("anisotropic"))
add(
    "dsmi of adjacency knn",
    dsmi,
    of=AdjacencySpectralEntropy("nearest_neighbors"),
    n_repeats=2,
)
add("dsmi of foreign", dsmi, of=LogVolume())
add(
    "dsmi of foreign max_samples", dsmi, of=LogVolume(0.5), max_samples=150, n_repeats=3
)
add("dsmi values quantile", dsmi_values, n_targets=1)
add("dsmi values uniform", dsmi_values, n_targets=1, clusterer="uniform", n_groups=5)
add(
    "dsmi values k-means",
    dsmi_values,
    n_targets=1,
    clusterer=KMeans(4, n_init=1, random_state=0),
)
add("dsmi values vectors", dsmi_values, n_targets=3, n_groups=6)
add(
    "dsmi values vectors k-means",
    dsmi_values,
    n_targets=3,
    clusterer=KMeans(5, n_init=2, random_state=0),
    max_samples=150,
    n_repeats=2,
)
add("dsmi sizes unequal", dsmi_sizes, sizes=(15, 30, 60, 110, 111))
add("dsmi sizes alike", dsmi_sizes, sizes=(305, 330, 360, 390, 420), n_repeats=2)
add(
    "dsmi sizes alike lanczos",
    dsmi_sizes,
    sizes=(305, 330, 360, 400),
    n_repeats=2,
    of=DSE(eigen_solver="lanczos", tol=0.005),
)
add("dsmi sizes of one", dsmi_sizes, sizes=(1, 1, 2, 60, 90))
add("dsmi sizes single group", dsmi_sizes, sizes=(80,))
add("dsmi sizes max_samples", dsmi_sizes, sizes=(5, 40, 80, 120), max_samples=60)
add("dsmi precomputed dense", dsmi_precomputed, affinity=gaussian_of)
add("dsmi precomputed sparse", dsmi_precomputed, affinity=graph_of, n_repeats=2)
add(
    "dsmi precomputed max_samples",
    dsmi_precomputed,
    affinity=gaussian_of,
    max_samples=90,
    n_repeats=2,
)


@job
def dsmi_processes():
    with parallel_config("loky", n_jobs=2):
        return dsmi(n=200)


@job
def dsmi_random_states():
    (X, y), state = blobs(200), np.random.RandomState(5)
    of_state = mutual_info(X, y, (X[:80], y[:80]), random_state=state)
    np.random.seed(5)
    of_numpy = mutual_info(X, y, (X[:80], y[:80]), random_state=None)
    return {"instance": of_state, "numpy's own": of_numpy, "next": state.randint(1000)}


@job
def dsmi_images():
    X, _ = digits(200)
    clustered = DSMI(target="continuous", n_groups=5, random_state=0)
    clustered.fit(PCA(5, random_state=0).fit_transform(X), X.reshape(-1, 8, 8))
    again = DSMI(random_state=0).fit(X[:, :32], clustered.labels_)
    return [found(one, MUTUAL_INFO) for one in (clustered, again)]


# Tests and intervals


def permutation_test(n=200, of=None, **params):
    """Permutation test of blobs and noisy labels."""
    X, y = blobs(n)
    y = corrupt_labels(y, 0.9, random_state=0)
    params = {"n_permutations": 60, "random_state": 0} | params
    return found(mutual_info_permutation_test(X, y, estimator=of, **params), TEST)


add("permutation default", permutation_test)
add("permutation exact", permutation_test, n=120, n_permutations=30, n_partitions=30)
add("permutation few partitions", permutation_test, n_partitions=4, n_jobs=2)
add("permutation normalize", permutation_test, of=DSMI(normalize=True, random_state=3))
add("permutation shannon", permutation_test, of=DSMI(ShannonEntropy(3)))
add("permutation foreign", permutation_test, of=DSMI(LogVolume()))
add(
    "permutation lanczos",
    permutation_test,
    n=600,
    of=DSMI(DSE(eigen_solver="lanczos", tol=0.01), n_repeats=2),
    n_partitions=3,
)
add("permutation max_samples inside", permutation_test, of=DSMI(DSE(max_samples=30)))
add(
    "permutation max_samples (expected to change)",
    permutation_test,
    of=DSMI(max_samples=80),
)


@job
def permutation_precomputed():
    X, y = blobs(150)
    dsmi = DSMI(DSE(affinity="precomputed"))
    params = {"estimator": dsmi, "n_permutations": 40, "random_state": 1}
    y = corrupt_labels(y, 0.9, random_state=0)
    return [
        found(mutual_info_permutation_test(affinity(X), y, **params), TEST)
        for affinity in (gaussian_of, graph_of)
    ]


@job
def permutation_values():
    X, _ = blobs(200)
    y = X[:, 0] + 8 * np.random.default_rng(0).normal(size=len(X))
    params = {"n_permutations": 40, "random_state": 2}
    return found(mutual_info_permutation_test(X, y, **params), TEST)


@job
def confidence_interval():
    X, y = groups_of((20, 40, 60, 80))
    of_shares = DSMI(normalize=True, n_repeats=2)
    of_counts = DSMI(ShannonEntropy(3), random_state=3)
    find = partial(mutual_info_confidence_interval, n_subsamples=8, random_state=0)
    return [
        found(find(X, y), INTERVAL),
        found(find(X, y, estimator=of_shares, confidence_level=0.8), INTERVAL),
        found(find(X, X[:, 0], estimator=of_counts, n_jobs=2), INTERVAL),
    ]


@job
def confidence_interval_precomputed():
    X, y = blobs(160)
    dsmi = DSMI(DSE(affinity="precomputed"))
    result = mutual_info_confidence_interval(
        gaussian_of(X), y, estimator=dsmi, n_subsamples=5, random_state=0
    )
    return found(result, INTERVAL)


# Choice of models and representations


def perceptron(hidden=(16, 8), n=300, **params):
    """Perceptron that has seen some digits."""
    params = {"max_iter": 15, "learning_rate_init": 0.01, "random_state": 0} | params
    return MLPClassifier(hidden, **params).fit(*digits(n))


def scores_of(estimator, grid, **scorer):
    """Scores of a search."""
    scoring = representation_scorer(**scorer)
    search = GridSearchCV(estimator, grid, scoring=scoring, cv=3).fit(*digits(300))
    results = search.cv_results_
    splits = [results[f"split{i}_test_score"] for i in range(3)]
    return {"mean": results["mean_test_score"], "splits": splits}


search_pca = partial(
    scores_of, estimator=PCA(random_state=0), grid={"n_components": [2, 5, 20]}
)
add("search pca dse", search_pca, measure="dse")
add("search pca dsmi", search_pca, measure="dsmi")
add("search pca dsmi_input", search_pca, measure="dsmi_input")
add(
    "search pca estimator",
    search_pca,
    measure=DSMI(ShannonEntropy(), normalize=True),
    random_state=3,
)
add(
    "search pca against X",
    search_pca,
    measure=DSMI(target="continuous", n_groups=4),
    against="X",
)
add("search pca foreign", search_pca, measure=LogVolume())


@job
def search_perceptron():
    mlp = MLPClassifier(max_iter=8, learning_rate_init=0.01, random_state=0)
    grid = {"hidden_layer_sizes": [(8,), (16, 8)]}
    return {
        measure: scores_of(mlp, grid, measure=measure)
        for measure in ("dse", "dsmi", "dsmi_input")
    }


@job
def scorer_representations():
    (X, y), mlp = digits(200, start=300), perceptron()
    pipeline = make_pipeline(StandardScaler(), PCA(6, random_state=0), LogVolume())
    pipeline.fit(*digits(300))
    values = {
        str(one): representation_scorer("dse", representation=one)(mlp, X)
        for one in ("auto", "predict_proba", 1, -1)
    }
    own = representation_scorer("dse", representation=lambda mlp, X: X[:, 5:20])
    scoring = {name: representation_scorer(name) for name in ("dsmi", "dsmi_input")}
    several = cross_validate(PCA(4, random_state=0), X, y, scoring=scoring, cv=2)
    return values | {
        "callable": own(mlp, X),
        "step": representation_scorer("dse", representation="pca")(pipeline, X),
        "before the last": representation_scorer("dsmi")(pipeline, X, y),
        "several": {name: several[f"test_{name}"] for name in scoring},
    }


@job
def selection():
    X, y = digits(250)
    candidates = {
        "noise": np.random.default_rng(0).normal(size=(len(X), 5)),
        "2 components": PCA(2, random_state=0),
        "scaled": make_pipeline(StandardScaler(), PCA(10, random_state=0)),
        "pixels": X,
    }
    share = DSMI(normalize=True, n_repeats=2)
    select = partial(select_representation, candidates, X, random_state=0)
    return {
        "dsmi": results_of(select(y, n_permutations=30)),
        "dsmi_input": results_of(select(measure="dsmi_input", n_permutations=0)),
        "share": results_of(select(y, measure=share, n_permutations=10, n_jobs=2)),
    }


# Networks


def later_name(name):
    """Name of a measure, or of its error, in later versions."""
    measure = name.removesuffix(STD_ERROR)
    return RENAMED.get(measure, measure) + name[len(measure) :]


def results_of(record):
    """Entries of a record that are results, by their later names."""
    return {
        later_name(name): value
        for name, value in record.items()
        if name not in NOT_RESULTS
    }


def network():
    """Small module of PyTorch for the digits."""
    torch.manual_seed(0)
    return torch.nn.Sequential(
        torch.nn.Linear(64, 16),
        torch.nn.ReLU(),
        torch.nn.Dropout(0.1),
        torch.nn.Linear(16, 10),
    )


def skorch_net(**params):
    """Net of skorch for the digits."""
    torch.manual_seed(0)
    return NeuralNetClassifier(
        network,
        criterion=torch.nn.CrossEntropyLoss,
        max_epochs=2,
        lr=0.2,
        batch_size=64,
        train_split=None,
        verbose=0,
        **params,
    )


def digits_for_torch(n, start=0):
    """Digits in the types that PyTorch likes."""
    X, y = digits(n, start)
    return X.astype(np.float32), y.astype(np.int64)


@job
def activations_perceptron():
    (X, y), mlp = digits(100, start=300), perceptron(activation="tanh")
    scaled = make_pipeline(StandardScaler(), MLPClassifier((6,), max_iter=5))
    scaled.set_params(mlpclassifier__random_state=0).fit(X, y)
    return {
        "all": layer_activations(mlp, X),
        "some": layer_activations(mlp, X, [-1, "output", "hidden_1"]),
        "pipeline": layer_activations(scaled, X),
    }


@job
def activations_module():
    X, _ = digits_for_torch(100)
    torch.manual_seed(1)
    images = torch.nn.Sequential(
        torch.nn.Conv2d(1, 3, 3), torch.nn.BatchNorm2d(3), torch.nn.GELU()
    )
    pictures = torch.from_numpy(X.reshape(-1, 1, 8, 8))
    net = skorch_net(iterator_train__shuffle=False).fit(*digits_for_torch(128))
    return {
        "all": layer_activations(network(), X, batch_size=33),
        "pattern": layer_activations(network(), X, "[03]"),
        "mean": layer_activations(images, pictures),
        "flatten": layer_activations(images, pictures, "2", pooling="flatten"),
        "callable": layer_activations(
            images, pictures, ["0", "1"], pooling=lambda Z: Z.amax(dim=(2, 3))
        ),
        "net": layer_activations(net, X),
        "score of a layer": representation_scorer("dse", representation="0")(net, X),
    }


@job
def tracker_perceptron():
    (X, y), held_out = digits(300), digits(150, start=300)
    tracker = RepresentationTracker(X=held_out[0], y=held_out[1])
    mlp = MLPClassifier((16, 8), learning_rate_init=0.01, random_state=0)
    for epoch in range(1, 4):
        tracker(mlp.partial_fit(X, y, classes=range(10)), epoch)
    return [results_of(record) for record in tracker.records_]


@job
def tracker_measures():
    held_out, mlp = digits(150, start=300), perceptron()
    measures = {
        "dse_t2": DSE(t=2, max_samples=100),
        "pixels": (DSMI(target="continuous", n_groups=4), "X"),
        "share": DSMI(ShannonEntropy(3), normalize=True, n_repeats=2),
        "volume": LogVolume(),
    }
    tracker = RepresentationTracker(measures, ["hidden_*"], *held_out, random_state=4)
    return [results_of(record) for record in tracker(mlp)]


@job
def tracker_file():
    held_out, mlp = digits(120, start=300), perceptron()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "runs.csv")
        track = partial(RepresentationTracker, ["dse", "dsmi"], -1, *held_out)
        for run in ("first", "second"):
            for epoch in range(3):
                track(path=path, run=run, every=2)(mlp, epoch)
        with open(path, newline="", encoding="utf-8") as file:
            return [results_of(record) for record in csv.DictReader(file)]


@job
def tracker_module():
    (X, y), held_out = digits_for_torch(256), digits_for_torch(150, start=300)
    tracker = RepresentationTracker(["dse", "dsmi"], ["0", "3"], *held_out)
    module = network()
    optimizer = torch.optim.SGD(module.parameters(), lr=0.5)
    losses = []
    for epoch in range(3):
        tracker(module, epoch)
        optimizer.zero_grad()
        outputs = module(torch.from_numpy(X))
        loss = torch.nn.functional.cross_entropy(outputs, torch.from_numpy(y))
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    return {"records": list(map(results_of, tracker.records_)), "losses": losses}


@job
def tracker_skorch():
    held_out = digits_for_torch(150, start=300)
    tracker = RepresentationTracker(["dse", "dsmi_input"], "*", *held_out)
    net = skorch_net(callbacks=[("tracker", tracker)]).fit(*digits_for_torch(256))
    records = dict(net.callbacks_)["tracker"].records_
    losses = net.history[:, "train_loss"]
    return {"records": list(map(results_of, records)), "losses": losses}


# Gradients


def gradient(n=60, dtype=torch.float64, **params):
    """Value and gradient of the entropy of a tensor."""
    Z = torch.from_numpy(blobs(n, 5)[0]).to(dtype).requires_grad_()
    value = torch_diffusion_spectral_entropy(Z, **params)
    value.backward()
    return {"value": value.item(), "gradient": Z.grad.numpy()}


add("gradient default", gradient)
add("gradient float32", gradient, dtype=torch.float32)
add("gradient number", gradient, bandwidth=2.0, alpha=0.0, t=2.5)
add("gradient knn", gradient, bandwidth="knn", bandwidth_scale=2.0, normalize=True)
add("gradient adaptive", gradient, bandwidth="adaptive", alpha=1.0, n=61)
add("gradient of a constant bandwidth", gradient, bandwidth_gradient=False)


@job
def gradient_of_duplicates():
    Z = torch.tensor([[0.0, 1.0], [0.0, 1.0], [2.0, 0.5], [0.3, 0.2]]).double()
    Z.requires_grad_()
    value = torch_diffusion_spectral_entropy(Z, bandwidth="knn", bandwidth_neighbors=1)
    value.backward()
    return {"value": value.item(), "gradient": Z.grad.numpy()}


# Displays


def lines_on(axes):
    """Points of all lines on some axes."""
    return [line.get_xydata() for ax in axes for line in ax.lines]


@job
def display_spectrum():
    X, _ = blobs(400)
    values = {}
    for solver in ("dense", "arpack", "lanczos"):
        fitted = DSE(eigen_solver=solver, random_state=0).fit(X)
        display = SpectrumDisplay.from_estimator(fitted)
        names = ("eigenvalues", "rest_ranks", "rest_lower", "rest_upper")
        values[solver] = found(display, (*names, "rest_estimate"))
        values[solver]["lines"] = lines_on([display.ax_])
        values[solver]["limits"] = display.ax_.get_ylim()
    return values


@job
def display_curve():
    X, _ = blobs(400)
    values = {}
    for solver in ("dense", "arpack", "lanczos"):
        params = {"bandwidth_scale": 0.5, "normalize": solver == "arpack"}
        fitted = DSE(eigen_solver=solver, random_state=0, **params).fit(X)
        display = EntropyCurveDisplay.from_estimator(fitted)
        values[solver] = found(
            display, ("times", "entropy", "lower", "upper", "certified", "knee")
        )
        some = EntropyCurveDisplay.from_estimator(fitted, times=TIMES)
        values[solver]["lines"] = lines_on([some.ax_])
    return values


@job
def display_mutual_info():
    X, y = groups_of((20, 40, 60, 80))
    fitted = DSMI(random_state=0).fit(X, y)
    test = mutual_info_permutation_test(X, y, n_permutations=30, random_state=0)
    displays = {
        "terms": MutualInfoDisplay.from_estimator(fitted),
        "both": MutualInfoDisplay.from_estimator(fitted, test=test),
        "test": MutualInfoDisplay.from_test(test),
    }
    names = ("mutual_info", "std_error", "group_sizes", "group_entropies")
    names += ("subset_entropies", "null_distribution", "pvalue")
    return {
        name: found(display, names) | {"lines": lines_on(display.axes_)}
        for name, display in displays.items()
    }


def layers_shown(display):
    """What a display of layers shows, its measures by their later names."""
    shown = found(display, ("names", "n_features", "n_runs", "of", "unit"))
    return shown | {
        "values": results_of(display.values),
        "errors": results_of(display.errors),
    }


@job
def display_layers():
    (X, y), mlp = digits(150, start=300), perceptron()
    activations = layer_activations(mlp, X)
    shares = {
        "dse": DSE(normalize=True, max_samples=90, n_repeats=2),
        "dsmi": DSMI(normalize=True, n_repeats=2, n_groups=4),
    }
    show = partial(LayerProfileDisplay.from_activations, random_state=0)
    return {
        "both": layers_shown(show(activations, X, y)),
        "labels": layers_shown(show(activations, y=y)),
        "values": layers_shown(show(activations, y=X[:, 20])),
        "none": layers_shown(show(activations)),
        "shares": layers_shown(show(activations, X, y, **shares)),
        "perceptron": layers_shown(
            LayerProfileDisplay.from_estimator(mlp, X, y, random_state=0)
        ),
    }


@job
def display_frame():
    rng = np.random.default_rng(0)
    rows = [
        {"run": run, "epoch": epoch, "layer": layer}
        | dict(
            zip(("dse", "dsmi", "dsmi_input", "accuracy"), rng.random(4), strict=True)
        )
        for run in ("a", "b", "c")
        for epoch in range(4)
        for layer in ("first", "second")
    ]
    frame = pd.DataFrame(rows)
    first = frame[frame["run"] == "a"].assign(dse_std_error=0.1)
    by_layer = TrainingDynamicsDisplay.from_frame(frame, by="layer")
    return {
        "layers": layers_shown(LayerProfileDisplay.from_frame(frame, epoch=2)),
        "layers of a run": layers_shown(LayerProfileDisplay.from_frame(first)),
        "training": {
            name: found(curve, ("x", "x_spread", "means", "spreads", "n_runs"))
            for name, curve in by_layer.curves.items()
        },
        "training lines": lines_on(by_layer.axes_),
    }


# Data sets


@job
def datasets():
    kinds = ("normal", "sphere", "swiss_roll", "torus", "uniform")
    turned = {"n_features": 9, "rotate": True, "noise": 0.2, "random_state": 1}
    return {
        "tree": make_tree(random_state=0),
        "noisy tree": make_tree(53, 4, n_features=3, noise=0.5, random_state=1),
        "plain": {kind: make_manifold(kind, 60, random_state=0) for kind in kinds},
        "turned": {
            kind: make_manifold(kind, 60, intrinsic_dim=4, **turned) for kind in kinds
        },
        "labels": corrupt_labels(np.arange(40) % 3, 0.4, random_state=0),
        "names": corrupt_labels(np.repeat(["cat", "dog"], 9), 0.9, random_state=1),
    }


# Command line


def report(*arguments, **files):
    """Records of ``skdse report`` on files: name_ending=values is name.ending."""
    root = str(Path(skdse.__file__).parents[1])
    paths = [root, *filter(None, [os.environ.get("PYTHONPATH")])]
    command = [sys.executable, "-m", "skdse", "report", "--json", *arguments]
    with tempfile.TemporaryDirectory() as folder:
        for name, values in files.items():
            write(Path(folder, name.replace("_", ".")), values)
        done = subprocess.run(
            command,
            cwd=folder,
            env=os.environ | {"PYTHONPATH": os.pathsep.join(paths)},
            capture_output=True,
            text=True,
        )
    if done.returncode:
        raise RuntimeError(f"{' '.join(command[2:])}: {done.stderr.strip()}")
    return [results_of(record) for record in json.loads(done.stdout)]


def write(path, values):
    """Write an array, or several by their names, as the name of the file says."""
    if path.suffix == ".npy":
        np.save(path, values)
    elif path.suffix == ".npz":
        np.savez(path, **values)
    else:
        np.savetxt(path, values, delimiter=",", fmt="%s")


def two_files():
    """Two representations and labels, by the names of their files."""
    X, y = blobs(150)
    return {"a_npy": X, "b_npy": X[:, :3].astype(np.float32), "y_npy": y}


@job
def report_without_files():
    return report()


@job
def report_files():
    return report("a.npy", "b.npy", "--labels", "y.npy", **two_files())


@job
def report_parameters():
    options = ("--normalize", "--t", "2", "--max-samples", "80", "--n-repeats", "3")
    return report("a.npy", "b.npy", "--labels", "y.npy", *options, **two_files())


@job
def report_other_files():
    X, y = blobs(120)
    names = np.array(["cat", "dog", "bird", "cow"])[y]
    arrays = {"all": X, "cube": X[:, :8].reshape(-1, 2, 4)}
    files = {"x_npz": arrays, "z_csv": X[:, :2].round(6), "labels_txt": names}
    options = ("--bandwidth", "adaptive", "--random-state", "4", "--n-jobs", "2")
    return report(".", "--labels", "labels.txt", *options, **files)


@job
def report_values():
    X, _ = blobs(120)
    options = ("--target", "continuous", "--n-groups", "4", "--alpha", "1")
    return report("a.npy", "--labels", "y.npy", *options, a_npy=X, y_npy=X[:, 0])


# Results as JSON, to the last bit


def exact(value):
    """Value as JSON, nothing of it rounded."""
    if isinstance(value, dict):
        return {str(key): exact(one) for key, one in value.items()}
    if isinstance(value, (list, tuple)):
        return [exact(one) for one in value]
    if isinstance(value, np.ndarray) or isinstance(value, np.float32):
        return exact_array(np.asarray(value))
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, float):
        return {"float": value.hex()}
    if value is None or isinstance(value, (bool, int, str)):
        return value
    raise TypeError(f"a result must not be of type {type(value).__name__}.")


def exact_array(array):
    """Type, shape, hash and first values of an array."""
    numbers = array.dtype.kind in "biuf"
    content = array.tobytes() if numbers else repr(array.tolist()).encode()
    return {
        "dtype": str(array.dtype),
        "shape": list(array.shape),
        "sha256": sha256(content).hexdigest(),
        "values": [
            one.hex() if isinstance(one, float) else one if numbers else str(one)
            for one in array.ravel()[:N_VALUES].tolist()
        ],
    }


def differences(before, after, place=""):
    """Texts of all that differs between two results, each with its place in them."""
    if before == after:
        return
    both = before, after
    if all(isinstance(one, dict) for one in both):
        if all("sha256" in one for one in both):
            yield place, array_difference(before, after)
        elif all(one.keys() == {"float"} for one in both):
            yield place, float_difference([before["float"]], [after["float"]])
        else:
            for name in before | after:
                inside = [one.get(name, "nothing") for one in both]
                yield from differences(*inside, f"{place} > {name}" if place else name)
    elif all(isinstance(one, list) for one in both) and len(before) == len(after):
        for i, inside in enumerate(zip(*both, strict=True)):
            yield from differences(*inside, f"{place}[{i}]")
    else:
        yield place, f"was {shown(before)}, is {shown(after)}"


def array_difference(before, after):
    """Text of what differs between two arrays."""
    for name in ("dtype", "shape"):
        if before[name] != after[name]:
            return f"{name} was {before[name]}, is {after[name]}"
    if before["values"] == after["values"]:
        return f"differs after the first {N_VALUES} values"
    if not before["dtype"].startswith("float"):
        changed = np.not_equal(before["values"], after["values"]).sum()
        return f"{changed} of the first {len(before['values'])} values differ"
    size = np.prod(before["shape"])
    of = f" of the first {N_VALUES} values" if size > N_VALUES else ""
    return float_difference(before["values"], after["values"]) + of


def float_difference(before, after):
    """Text of the largest difference between floats in hexadecimal."""
    before, after = (np.array(list(map(float.fromhex, x))) for x in (before, after))
    if (np.isnan(before) != np.isnan(after)).any():
        return "NaN in one, not in the other"
    return f"max abs difference {np.nanmax(np.abs(after - before)):.3g}"


def shown(value):
    """Short text of a value."""
    text = json.dumps(value)
    return text if len(text) <= 60 else f"{text[:57]}..."


# Record and compare


def surroundings():
    """What has a say in the last bits besides skdse."""
    threads = max((pool["num_threads"] for pool in threadpool_info()), default=1)
    return {name: version(name) for name in PACKAGES} | {"threads": threads}


def run(function):
    """Result of a job, exactly."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        result = exact(function())
    plt.close("all")
    return result


def record(path):
    """Write the results of all jobs to a file."""
    results = {}
    for name, function in JOBS.items():
        results[name] = run(function)
        print(name, flush=True)
    content = {"skdse": skdse.__version__, "with": surroundings(), "results": results}
    path.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")
    print(f"{len(results)} results of skdse {skdse.__version__} in {path}")
    return 0


def compare(path, pattern):
    """Print for each job whether its result is that of a file; exit status."""
    content = json.loads(path.read_text(encoding="utf-8"))
    before, now = content["results"], surroundings()
    for name, was in content["with"].items():
        if was != now[name]:
            print(f"Not the same surroundings: {name} was {was}, is {now[name]}")
    names = [name for name in JOBS | before if fnmatchcase(name, pattern)]
    n_same = 0
    for name in names:
        lines = list(changes(name, before))
        n_same += not lines
        print(f"{name}:" if lines else f"{name}: same")
        print("".join(f"    {line}\n" for line in lines), end="", flush=True)
    print(
        f"{n_same} of {len(names)} results of skdse {skdse.__version__} are those of "
        f"{content['skdse']}"
    )
    return int(n_same < len(names))


def changes(name, before):
    """Lines on what has changed in the result of a job."""
    if name not in before:
        yield "was not recorded"
    elif name not in JOBS:
        yield "is no job any more"
    else:
        try:
            after = run(JOBS[name])
        except Exception as error:  # the other jobs have something to say too
            yield f"fails: {type(error).__name__}: {error}"
            return
        for place, text in differences(before[name], after):
            yield f"{place}: {text}" if place else text


def main():
    """Run the command line; return the exit status."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("command", choices=("record", "compare"))
    parser.add_argument("file", type=Path, metavar="FILE.json")
    parser.add_argument(
        "--only",
        default="*",
        metavar="PATTERN",
        help="compare only the jobs of these names, with * and ?",
    )
    args = parser.parse_args()
    if args.command == "record" and args.only != "*":
        parser.error("--only is for compare: a record has all jobs")
    plt.switch_backend("Agg")
    torch.set_num_threads(1)
    start = time.perf_counter()
    if args.command == "record":
        status = record(args.file)
    else:
        status = compare(args.file, args.only)
    print(f"{time.perf_counter() - start:.0f} seconds")
    return status


if __name__ == "__main__":
    sys.exit(main())
