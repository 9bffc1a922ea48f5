"""Other training-free scores of a representation, and the probes they stand for.

Each function takes the representation Z of shape (n, d), and most of them the labels y
as integers from 0; larger is better. Own implementations of the formulas cited.
"""

import time

import numpy as np
from scipy.special import digamma
from sklearn.covariance import ledoit_wolf
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import pairwise_distances, silhouette_score
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

INVERSE_PENALTIES = (0.01, 0.1, 1.0, 10.0)

# Scores that know labels


def log_me(Z, y, max_iter=100):
    """LogME: log evidence of a Bayesian linear model of each class, over n.

    You, Liu, Wang and Long, "LogME: Practical Assessment of Pre-trained Models for
    Transfer Learning", ICML 2021, Algorithm 1.
    """
    U, s, _ = np.linalg.svd(Z.astype(float), full_matrices=False)
    kept = s > s[0] * max(Z.shape) * np.finfo(np.float32).eps
    # In units of their mean square, so that scales do not matter.
    U, squares = U[:, kept], s[kept] ** 2 / np.mean(s[kept] ** 2)
    targets = (y[:, None] == np.unique(y)).astype(float)
    evidences = [_evidence(U, squares, Z.shape, one, max_iter) for one in targets.T]
    return float(np.mean(evidences))


def _evidence(U, squares, shape, target, max_iter, tiny=1e-5):
    """Largest log evidence of one target, over n; α and β by fixed-point iteration.

    As in the authors' algorithm, what is tiny keeps β finite where features in
    more dimensions than samples fit any target.
    """
    n, d = shape
    z = (U.T @ target) ** 2
    outside = max(target @ target - z.sum(), 0.0)
    alpha, beta = 1.0, 1.0
    for _ in range(max_iter):
        before = alpha / beta
        shares = squares / (squares + before)
        gamma = shares.sum()
        residual = outside + (z * (1 - shares) ** 2).sum()
        weight = (z * shares**2 / squares).sum()
        alpha, beta = gamma / (weight + tiny), (n - gamma) / (residual + tiny)
        if abs(alpha / beta - before) <= 1e-4 * before:
            break
    log_det = np.log(alpha + beta * squares).sum() + (d - len(squares)) * np.log(alpha)
    evidence = n * np.log(beta) + d * np.log(alpha) - n * np.log(2 * np.pi)
    return (evidence - beta * residual - alpha * weight - log_det) / (2 * n)


def h_score(Z, y):
    """H-score: tr(cov(Z)⁺ cov(E[Z|y])).

    Bao et al., "An Information-Theoretic Approach to Transferability in Task Transfer
    Learning", ICIP 2019.
    """
    Z = _unit_scale(Z)
    return float(
        np.trace(
            np.linalg.pinv(np.atleast_2d(np.cov(Z.T)), rcond=1e-6) @ _between(Z, y)
        )
    )


def regularised_h_score(Z, y):
    """H-score with the covariance of Ledoit and Wolf.

    Ibrahim, Ponomareva and Mazumder, "Newer is not always better: Rethinking
    transferability metrics, their peculiarities, stability and performance",
    ECML PKDD 2022.
    """
    Z = _unit_scale(Z)
    covariance, shrinkage = ledoit_wolf(Z)
    return float(
        (1 - shrinkage) * np.trace(np.linalg.solve(covariance, _between(Z, y)))
    )


def _between(Z, y):
    """Covariance of the means of the classes."""
    shares = np.bincount(y) / len(y)
    means = np.array([Z[y == label].mean(axis=0) for label in np.unique(y)])
    means -= shares @ means
    return means.T @ (shares[:, None] * means)


def trans_rate(Z, y, epsilon=1e-4):
    """TransRate: coding rate of Z less that of its classes.

    Huang et al., "Frustratingly Easy Transferability Estimation", ICML 2022.
    """
    Z = Z.astype(float) - Z.mean(axis=0)
    parts = [Z[y == label] for label in np.unique(y)]
    within = sum(len(part) / len(Z) * _coding_rate(part, epsilon) for part in parts)
    return _coding_rate(Z, epsilon) - within


def trans_rate_unit(Z, y):
    """TransRate of features of unit scale: it depends on the scale."""
    return trans_rate(_unit_scale(Z), y)


def _coding_rate(Z, epsilon):
    """½ log det(I + ZᵀZ / (n ε))."""
    s = np.linalg.svd(Z, compute_uv=False)
    return float(np.log1p(s**2 / (len(Z) * epsilon)).sum() / 2)


def silhouette(Z, y):
    """Mean silhouette, Euclidean: Rousseeuw 1987."""
    return float(silhouette_score(Z, y))


def cosine_silhouette(Z, y):
    """Mean silhouette with cosine distances."""
    return float(silhouette_score(Z, y, metric="cosine"))


def ksg(Z, y, n_neighbors=3):
    """Mutual information with discrete labels in bits, from neighbours.

    Ross, "Mutual Information between Discrete and Continuous Data Sets", PLoS ONE 2014
    (the estimator of Kraskov et al. for a discrete y, here of all features jointly).
    """
    D = pairwise_distances(Z)
    same = y[:, None] == y
    # Itself comes first among the samples of a label.
    radius = np.sort(np.where(same, D, np.inf), axis=1)[:, n_neighbors]
    counts = (radius[:, None] >= D).sum(axis=1) - 1
    terms = digamma(len(Z)) + digamma(n_neighbors)
    terms = terms - digamma(same.sum(axis=1)) - digamma(counts)
    return float(terms.mean() / np.log(2))


def ksg_10(Z, y):
    """The same of the first 10 principal components."""
    Z = Z.astype(float) - Z.mean(axis=0)
    U, s, _ = np.linalg.svd(Z, full_matrices=False)
    return ksg(U[:, :10] * s[:10], y)


# Scores that do not


def rank_me(Z, y=None):
    """RankMe: exponential of the entropy of the singular values.

    Garrido et al., "RankMe: Assessing the Downstream Performance of Pretrained
    Self-Supervised Representations by Their Rank", ICML 2023.
    """
    return _effective(np.linalg.svd(Z.astype(float), compute_uv=False))


def effective_rank(Z, y=None):
    """Exponential of the entropy of the covariance's eigenvalues.

    Roy and Vetterli, "The Effective Rank", EUSIPCO 2007, of the covariance.
    """
    s = np.linalg.svd(Z.astype(float) - Z.mean(axis=0), compute_uv=False)
    return _effective(s**2)


def vendi_score(Z, y=None):
    """Vendi score: exponential of the entropy of the cosine kernel's eigenvalues.

    Friedman and Dieng, "The Vendi Score: A Diversity Evaluation Metric for Machine
    Learning", TMLR 2023.
    """
    return _effective(np.linalg.svd(directions(Z), compute_uv=False) ** 2)


def self_similarity(Z, y=None):
    """Mean cosine of pairs of different samples."""
    Z = directions(Z)
    total = np.square(Z.sum(axis=0)).sum()
    return float((total - np.square(Z).sum()) / (len(Z) * (len(Z) - 1)))


def contrast(Z, y=None, k=5):
    """Median distance of pairs over the median distance to the k-th neighbour."""
    D = pairwise_distances(Z.astype(float))
    neighbor = np.median(np.partition(D, k, axis=1)[:, k])
    return float(np.median(D[np.triu_indices(len(D), 1)]) / neighbor)


def dimension(Z, y=None):
    """Number of features: the baseline of size."""
    return Z.shape[1]


def _effective(weights):
    """Exponential of the Shannon entropy of weights."""
    shares = weights[weights > 0] / weights.sum()
    return float(np.exp(-shares @ np.log(shares)))


def directions(Z):
    """Rows of unit length; a zero row stays."""
    Z = Z.astype(float)
    norms = np.linalg.norm(Z, axis=1, keepdims=True)
    return Z / np.where(norms > 0, norms, 1)


def _unit_scale(Z):
    """Centred features, of mean square 1 over all of them."""
    Z = Z.astype(float) - Z.mean(axis=0)
    return Z / np.sqrt(np.square(Z).mean())


SCORES = {
    "LogME": log_me,
    "H-score": h_score,
    "H-score, regularised": regularised_h_score,
    "TransRate": trans_rate,
    "TransRate, unit scale": trans_rate_unit,
    "silhouette": silhouette,
    "silhouette, cosine": cosine_silhouette,
    "KSG": ksg,
    "KSG, 10 components": ksg_10,
    "RankMe": rank_me,
    "effective rank": effective_rank,
    "Vendi score": vendi_score,
    "self-similarity": self_similarity,
    "contrast": contrast,
    "dimension": dimension,
}

# What the scores are to tell


def probe_accuracies(Z, y, n_measured, seed=0):
    """Accuracies on the first rows of probes trained on the others, and seconds."""
    found = {}
    for name, probe in (("linear", linear_probe), ("neighbors", neighbors_probe)):
        start = time.perf_counter()
        fitted = probe(Z[n_measured:], y[n_measured:], seed)
        found[f"{name} seconds"] = time.perf_counter() - start
        found[f"{name} accuracy"] = fitted.score(Z[:n_measured], y[:n_measured])
    return found


def linear_probe(Z, y, seed):
    """Logistic regression on standardised features, its penalty by a held-out fifth."""
    order = np.random.default_rng(seed).permutation(len(Z))
    held, rest = np.split(order, [len(Z) // 5])
    probes = [
        make_pipeline(StandardScaler(), LogisticRegression(C=C, max_iter=300))
        for C in INVERSE_PENALTIES
    ]
    accuracies = [one.fit(Z[rest], y[rest]).score(Z[held], y[held]) for one in probes]
    return probes[int(np.argmax(accuracies))].fit(Z, y)


def neighbors_probe(Z, y, seed):
    """Classifier by 5 neighbours."""
    return KNeighborsClassifier(5).fit(Z, y)
