"""The time of a graph that goes with a step among all pairs."""

import numpy as np
import pytest
from numpy.testing import assert_allclose
from sklearn.base import clone
from sklearn.metrics import pairwise_distances

from skdse import DiffusionSpectralEntropy, DiffusionSpectralMI
from skdse._cli.arguments import main
from skdse._measures.meters import make_meter
from skdse._spectra import bandwidth, matching, medians
from skdse._spectra.drift import Delay
from skdse._spectra.estimates import EntropyEstimate
from skdse._spectra.spectrum import Spectrum

K = 6
MATCHED = DiffusionSpectralEntropy(
    affinity="nearest_neighbors", n_neighbors=K, t="matched", random_state=0
)


@pytest.fixture
def X():
    return np.random.default_rng(0).normal(size=(150, 3)) * [3, 1, 0.1] + 5


def matched(**params):
    return clone(MATCHED).set_params(**params)


def walk(D, sigma, alpha):
    """Transitions of the graph of K neighbours, and their stationary distribution."""
    nearest = np.argsort(D + np.diag(np.full(len(D), np.inf)), axis=1)[:, :K]
    W = np.zeros_like(D)
    np.put_along_axis(W, nearest, 1.0, axis=1)
    W = np.maximum(W, W.T) * np.exp(-(D**2) / (2 * np.outer(sigma, sigma)))
    W += np.eye(len(D))
    q = W.sum(axis=1) ** -alpha
    W *= np.outer(q, q)
    degrees = W.sum(axis=1)
    return W / degrees[:, None], degrees / degrees.sum()


def time_by_hand(D, sigma, alpha, power):
    """m² / m_k², or the same of distances that are squares themselves."""
    P, pi = walk(D, sigma, alpha)
    hop = pi @ (P * D**power).sum(axis=1)
    return np.median(D[np.triu_indices(len(D), 1)]) ** power / hop


@pytest.mark.parametrize("alpha", [0.0, 0.5, 1.0])
@pytest.mark.parametrize(
    ("metric", "power"),
    [("euclidean", 2), ("manhattan", 2), ("sqeuclidean", 1), ("cosine", 1)],
)
def test_time_by_hand(X, alpha, metric, power):
    D = pairwise_distances(X, metric=metric)
    for rule in ("adaptive", 0.3):
        dse = matched(alpha=alpha, metric=metric, bandwidth=rule).fit(X)
        sigma = np.broadcast_to(dse.bandwidth_, len(X))
        expected = max(time_by_hand(D, sigma, alpha, power), 1.0)
        assert dse.t_ == pytest.approx(expected, rel=1e-5)
        assert dse.scale_.t_error == 0
        assert dse.entropy_ == dse.spectrum_.entropy(dse.t_).value
        assert dse.entropy_ == pytest.approx(dse.score(X), abs=1e-12)
        assert dse.entropy_ == clone(dse).set_params(t=dse.t_).fit(X).entropy_


@pytest.mark.parametrize("solver", ["dense", "dense32", "arpack", "lanczos"])
def test_solvers_agree(X, solver):
    exact = matched().fit(X)
    found = matched(eigen_solver=solver, n_components=60, tol=1e-3).fit(X)
    assert found.t_ == exact.t_ > 1
    assert found.entropy_ == pytest.approx(exact.entropy_, abs=5e-3)
    assert found.entropy_ == clone(found).set_params(t=found.t_).fit(X).entropy_


def test_neither_unit_origin_nor_order_matter(X):
    dse = matched().fit(X)
    rows = np.random.default_rng(1).permutation(len(X))
    for Y in (1e-200 * X, 1e150 * X, X - 1000, X[rows]):
        other = matched().fit(Y)
        assert other.t_ == pytest.approx(dse.t_, rel=1e-5)
        assert other.entropy_ == pytest.approx(dse.entropy_, abs=1e-5)


def test_copies_hop_no_distance(X):
    # With one bandwidth, copies weigh as often as they are there.
    rows = np.append(np.arange(150), np.arange(0, 150, 2))
    dse = matched(bandwidth=0.5).fit(X[rows])
    D = pairwise_distances(X)
    nearest = np.argsort(D + np.diag(np.full(150, np.inf)), axis=1)[:, :K]
    W = np.zeros_like(D)
    np.put_along_axis(W, nearest, 1.0, axis=1)
    W = (np.maximum(W, W.T) + np.eye(150)) * np.exp(-2 * D**2)
    W, D = W[np.ix_(rows, rows)], D[np.ix_(rows, rows)]
    q = W.sum(axis=1) ** -0.5
    W *= np.outer(q, q)
    hop = (W * D**2).sum() / W.sum()
    median = np.median(D[np.triu_indices(len(D), 1)])
    assert dse.t_ == pytest.approx(median**2 / hop, rel=1e-5)


def test_what_all_have_in_common_is_taken_off():
    # Noise in many dimensions adds to all distances alike.
    rng = np.random.default_rng(0)
    X = np.hstack([rng.normal(size=(200, 2)), 0.1 * rng.normal(size=(200, 400))])
    dse = matched(bandwidth="reduced").fit(X)
    shared = dse.scale_.bandwidth.shared
    D = np.sqrt(np.maximum(pairwise_distances(X) ** 2 - shared**2, 0))
    nearest = np.argsort(pairwise_distances(X) + 99 * np.eye(200), axis=1)[:, :K]
    W = np.eye(200)
    sigma = dse.bandwidth_
    G = np.exp(-(D**2) / (2 * sigma**2))
    np.put_along_axis(W, nearest, np.take_along_axis(G, nearest, axis=1), axis=1)
    W = np.maximum(W, W.T)
    q = W.sum(axis=1) ** -0.5
    W *= np.outer(q, q)
    hop = (W * D**2).sum() / W.sum()
    median = np.median(D[np.triu_indices(200, 1)])
    assert dse.t_ == pytest.approx(median**2 / hop, rel=1e-4)


def test_least_and_degenerate_times():
    assert matched().fit(np.ones((9, 2))).t_ == 1
    assert matched().fit(np.ones((1, 2))).t_ == 1
    # Most are near each other, and hops among the others are far: at least one is made.
    rng = np.random.default_rng(0)
    few = np.vstack([1e-3 * rng.normal(size=(80, 2)), rng.normal(size=(20, 2))])
    assert matched(n_neighbors=3).fit(few).t_ == 1
    # All at the same distance: a hop goes that far, or stays.
    dse = matched(n_neighbors=9).fit(np.eye(10))
    stay = 1 / (1 + 9 * np.exp(-0.5))
    assert dse.t_ == pytest.approx(1 / (1 - stay))


def test_late_times_stop(monkeypatch, X):
    monkeypatch.setattr(matching, "LATEST", 10.0)
    with pytest.warns(UserWarning, match=r"would be \d+, and stops at 1e\+01"):
        assert matched().fit(X).t_ == 10


def test_error_of_sampled_pairs(monkeypatch):
    X = np.random.default_rng(0).uniform(size=(400, 2))
    exact = matched().fit(X)
    monkeypatch.setattr(bandwidth, "MEDIAN_ALL_PAIRS", 100)
    assert matched().fit(X).t_ == pytest.approx(exact.t_, rel=1e-6)  # by one pass
    monkeypatch.setattr(medians, "QUICK_WORK", 0)
    monkeypatch.setattr(medians, "BOUNDING_PAIRS", 5000)
    monkeypatch.setattr(medians, "QUICK_NUMBERS", 0)
    for metric in ("euclidean", "sqeuclidean", "chebyshev"):
        at = matched(metric=metric)
        scales = [make_meter(at).fit(X, seed) for seed in range(120)]
        stated = np.mean([one.t_error for one in scales])
        spread = np.std(np.log([one.t for one in scales]), ddof=1)
        # The spread of 120 is known to 6.5 %.
        assert spread == pytest.approx(stated, rel=0.25)
    # The entropy errs by its slope along ln t.
    one = matched().fit(X)
    early, late = (one.spectrum_.entropy(one.t_ * by).value for by in (0.99, 1.01))
    expected = abs(late - early) / 0.02 * one.scale_.t_error
    assert one.entropy_std_error_ == pytest.approx(expected, rel=0.02)
    assert 0 < expected < 0.05
    assert one.entropy_interval_[1] == one.entropy_ + 2 * one.entropy_std_error_
    assert matched().fit(X).entropy_ == one.entropy_
    # All of it is common to sets that are measured at one scale.
    estimate = make_meter(one).measure(X, one.scale_, 0)
    assert abs(estimate.common) == pytest.approx(expected, rel=0.02)


def test_delay_in_closed_form():
    # p = 1 / (1 + a^t), so that dS/d ln t = t p (1 - p) ln(a) log2(p / (1 - p)).
    a, t = 0.5, 2.0
    spectrum = Spectrum(np.array([1, a]), 2, 1 + a, 1 + a**2)
    p = 1 / (1 + a**t)
    slope = t * p * (1 - p) * np.log(a) * np.log2(p / (1 - p))
    delay = Delay(0.01, spectrum)
    assert delay.at(t) == pytest.approx(0.01 * slope, rel=1e-3)
    estimate = replace_common(EntropyEstimate.exact(0.5), -0.03)
    drifted = estimate.drifted(delay, t, 2)
    assert drifted.common == pytest.approx(-np.hypot(0.03, 0.01 * slope), rel=1e-3)
    assert drifted.std_error == pytest.approx(np.hypot(0.03, 0.01 * slope), rel=1e-3)


def replace_common(estimate, common):
    return estimate._replace(std_error=abs(common), common=common)


def test_subsets_and_mutual_information_have_the_time_of_all(X):
    y = np.arange(len(X)) % 2
    dsmi = DiffusionSpectralMI(matched(), random_state=0).fit(X, y)
    assert dsmi.estimator_.t_ == matched().fit(X).t_
    at = matched(t=dsmi.estimator_.t_)
    expected = DiffusionSpectralMI(at, random_state=0).fit(X, y)
    assert dsmi.mutual_info_ == expected.mutual_info_
    assert dsmi.score(X, y) == dsmi.mutual_info_
    # With another time, only that is found anew.
    again = dsmi.set_params(estimator__t=2).fit(X, y)
    assert again.estimator_.t_ == 2
    assert again.set_params(estimator__t="matched").fit(X, y).estimator_.t_ == at.t
    few = matched(max_samples=60, n_repeats=3).fit(X)
    assert few.t_ < at.t


def test_another_seed_samples_other_pairs(monkeypatch, X):
    monkeypatch.setattr(bandwidth, "MEDIAN_ALL_PAIRS", 100)
    monkeypatch.setattr(medians, "QUICK_WORK", 0)
    monkeypatch.setattr(medians, "BOUNDING_PAIRS", 1000)
    monkeypatch.setattr(medians, "QUICK_NUMBERS", 0)
    y = np.arange(len(X)) % 2
    dsmi = DiffusionSpectralMI(matched(), random_state=0).fit(X, y)
    again = dsmi.set_params(random_state=1).fit(X, y)
    anew = clone(dsmi).fit(X, y)
    assert again.estimator_.t_ == anew.estimator_.t_
    assert again.mutual_info_ == anew.mutual_info_


def test_all_pairs_have_time_1(X):
    dse = DiffusionSpectralEntropy(t="matched")
    with pytest.warns(UserWarning, match="goes with t=1 of all pairs: here it is 1"):
        dse.fit(X)
    assert dse.t_ == 1
    assert dse.entropy_ == DiffusionSpectralEntropy().fit(X).entropy_


@pytest.mark.parametrize(
    "affinity", ["precomputed", "precomputed_nearest_neighbors", pairwise_distances]
)
def test_without_samples_there_is_no_time(X, affinity):
    dse = DiffusionSpectralEntropy(affinity=affinity, t="matched")
    with pytest.raises(ValueError, match=r"t='matched' compares .* such as the t_"):
        dse.fit(np.exp(-pairwise_distances(X)))


def test_command_line(tmp_path, capsys, X):
    np.save(tmp_path / "Z.npy", X)
    options = ["--affinity", "nearest_neighbors", "--n-neighbors", str(K), "--json"]
    main(["report", str(tmp_path / "Z.npy"), *options, "--t", "matched"])
    out = capsys.readouterr().out
    assert f"{matched().fit(X).entropy_:.8f}"[:8] in out


def test_graph_follows_all_pairs():
    # The entropy of the graph at t = 1 is nearly a constant.
    rng = np.random.default_rng(0)
    sets = [rng.uniform(size=(600, d)) for d in (1, 2, 4, 8, 16)]
    pairs = [DiffusionSpectralEntropy().fit(X).entropy_ for X in sets]
    early, late = (
        [matched(n_neighbors=15, t=t).fit(X).entropy_ for X in sets]
        for t in (1, "matched")
    )
    assert np.ptp(early) < 0.35 * np.ptp(pairs)
    assert_allclose(late, pairs, atol=1)
