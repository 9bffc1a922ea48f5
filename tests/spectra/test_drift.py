"""The error of a sampled bandwidth, and what it does to entropies."""

from dataclasses import replace

import numpy as np
import pytest
from sklearn.exceptions import EfficiencyWarning

from skdse import DiffusionSpectralEntropy
from skdse._measures.subsets import combine
from skdse._spectra.affinities import make_affinity
from skdse._spectra.bandwidth import Bandwidth
from skdse._spectra.drift import Drift
from skdse._spectra.estimates import EntropyEstimate
from skdse._spectra.kernels import GaussianEntries
from skdse._spectra.medians import Sample, _of_blocks, sampled_distances
from skdse._spectra.spectral_meter import SpectralMeter, SpectralScale
from skdse._spectra.spectrum import Spectrum


def meter(**params):
    return SpectralMeter(affinity=make_affinity("gaussian", **params))


def scale(sigma, log_error):
    return SpectralScale(Bandwidth(sigma, log_error=log_error), 1)


def sample_of_pairs(X, metric, rng):
    return Sample(sampled_distances(X, metric, rng, 4000), 0.5 / 4000**0.5)


def sample_of_blocks(X, metric, rng):
    return _of_blocks(X, metric, rng, 64)


def test_error_of_sampled_pairs_in_closed_form():
    # Uniform on [0, 1]: half of all |x - y| are below m = 1 - 1/√2, where their density
    # is √2. A median of N pairs errs by 1 / (2 √2 √N), relative to m.
    X = np.random.default_rng(0).uniform(size=(20_000, 1))
    N = 200_000
    distances = sampled_distances(X, "euclidean", np.random.RandomState(0), N)
    found = Sample(distances, 0.5 / N**0.5).median
    error = 1 / (2 * 2**0.5 * N**0.5) / (1 - 0.5**0.5)
    assert found.log_error == pytest.approx(error, rel=0.15)


@pytest.mark.parametrize("sample", [sample_of_pairs, sample_of_blocks])
@pytest.mark.parametrize("metric", ["cosine", "manhattan"])
def test_medians_spread_as_their_errors_say(sample, metric):
    # Rows of several scales: pairs of a block are far from independent.
    rng = np.random.default_rng(0)
    X = rng.normal(size=(3000, 4)) * rng.uniform(0.5, 3, size=(3000, 1))
    X += rng.normal(size=4)
    found = [sample(X, metric, np.random.RandomState(i)).median for i in range(80)]
    spread = np.std(np.log([one.value for one in found]), ddof=1)
    stated = np.mean([one.log_error for one in found])
    # The spread of 80 values is known to 8 %.
    assert spread == pytest.approx(stated, rel=0.25)


def test_slope_of_two_samples_in_closed_form():
    # Of two samples at distance 1 the eigenvalues are 1 and (1 - g) / (1 + g).
    def entropy(log_sigma):
        g = np.exp(-0.5 * np.exp(-2 * log_sigma))
        p = (1 - g) / 2
        return -p * np.log2(p) - (1 - p) * np.log2(1 - p)

    X, log_sigma, error = np.array([[0.0], [1.0]]), np.log(0.8), 0.01
    slope = (entropy(log_sigma + 1e-5) - entropy(log_sigma - 1e-5)) / 2e-5
    found = meter().measure(X, scale(0.8, error), 0)
    assert found.value == pytest.approx(entropy(log_sigma))
    assert found.common == pytest.approx(slope * error, rel=0.1)
    assert found.std_error == pytest.approx(abs(found.common))
    assert found.own_error == 0
    assert found.upper - found.lower == pytest.approx(4 * found.std_error)


@pytest.mark.parametrize("metric", ["euclidean", "manhattan", "cosine"])
@pytest.mark.parametrize("n", [500, 2100])
def test_slope_is_that_between_nearby_bandwidths(metric, n):
    X = np.random.default_rng(0).uniform(size=(n, 5))
    sigma = meter(metric=metric).fit(X, 0).bandwidth.sigma
    one = meter(metric=metric, bandwidth=sigma)
    ends = [one.measure(X, scale(sigma * np.exp(h), 0.0), 0) for h in (-0.04, 0.04)]
    slope = (ends[1].value - ends[0].value) / 0.08
    found = one.measure(X, scale(sigma, 0.01), 0)
    assert found.common == pytest.approx(0.01 * slope, rel=0.2)


def test_entropies_spread_as_their_errors_say():
    X = np.random.default_rng(0).uniform(size=(400, 6))
    medians = [
        sample_of_pairs(X, "manhattan", np.random.RandomState(i)).median
        for i in range(40)
    ]
    found = [
        meter(metric="manhattan").measure(X, scale(one.value / 2, one.log_error), 0)
        for one in medians
    ]
    spread = np.std([one.value for one in found], ddof=1)
    stated = np.mean([one.std_error for one in found])
    assert spread <= 1.2 * stated
    assert spread >= 0.75 * stated


def test_drift_serves_every_time():
    X = np.random.default_rng(0).uniform(size=(300, 3))
    spectrum = meter().solve(X, scale(0.2, 0.01), 0)
    assert not spectrum.is_certified
    for t in (0.5, 1, 5):
        ends = [meter().solve(X, scale(0.2 * np.exp(h), 0), 0) for h in (-0.01, 0.01)]
        slope = (ends[1].entropy(t).value - ends[0].entropy(t).value) / 0.02
        assert spectrum.entropy(t).common == pytest.approx(0.01 * slope, rel=0.2)
    assert meter().solve(X, scale(0.2, 0.0), 0).is_certified


def test_lanczos_adds_its_own_error():
    X = np.random.default_rng(0).uniform(size=(2500, 6))
    exact, sampled = (meter().measure(X, scale(0.4, e), 0) for e in (0.0, 1e-3))
    assert sampled.value == exact.value
    assert sampled.own_error == pytest.approx(exact.std_error)
    assert sampled.std_error > exact.std_error
    assert sampled.upper > exact.upper


def test_small_and_nested_sets_have_the_error_of_lone_ones():
    X = np.random.default_rng(0).normal(size=(200, 3))
    one, at = meter(), scale(0.7, 0.01)
    sets = [np.arange(10), np.arange(5, 25), np.arange(200)]
    found = one.measure_many(X, at, sets, 0)
    found += one.measure_nested(X, at, [15, 200], 0)
    alone = [one.measure(X[rows], at, 0) for rows in (*sets, np.arange(15), sets[2])]
    for left, right in zip(found, alone, strict=True):
        assert left.value == pytest.approx(right.value, abs=1e-9)
        assert left.common == pytest.approx(right.common, rel=1e-6)
        assert left.common != 0


@pytest.mark.parametrize(("of_groups", "expected"), [(0.1, 0.0), (-0.1, 0.2)])
def test_mutual_information_takes_the_error_that_is_common_once(of_groups, expected):
    # Two groups of one entropy; subsets of no spread, measured without another error.
    def estimate(common):
        return EntropyEstimate(2.0, abs(common), 1.5, 2.5, common=common)

    weights, sizes = np.array([0.5, 0.5]), np.array([5, 5])
    subsets = [{5: np.arange(5)}] * 2
    estimates = [estimate(of_groups)] * 2 + [estimate(0.1)] * 2
    terms = combine(weights, sizes, np.array([1.0]), subsets, estimates)
    assert terms.std_error == pytest.approx(expected, abs=1e-9)


def test_share_of_the_ceiling_keeps_the_common_part():
    found = EntropyEstimate(2.0, 0.5, 1.0, 3.0, common=-0.3)
    assert found.divided_by(4.0) == (0.5, 0.125, 0.25, 0.75, "", -0.075)
    assert found.divided_by(0) == (0, 0, 0, 0, "", 0)


def test_interval_stays_within_what_is_possible():
    drift = Drift(1.0, Spectrum.of_identical_samples(4), Spectrum(np.ones(4), 4, 4, 4))
    found = EntropyEstimate.exact(1.0).drifted(drift, 1, 4)
    assert (found.lower, found.upper) == (0.0, 2.0)


# One pass over all pairs for the median and the affinity
# -------------------------------------------------------


@pytest.mark.parametrize("offset", [0.0, 1e6])
@pytest.mark.parametrize("unit", [1.0, 1e-30])
def test_exponents_of_the_median_serve_the_affinity(offset, unit, monkeypatch):
    X = unit * (np.random.default_rng(0).normal(size=(2300, 5)) + offset)
    made = []
    factor = GaussianEntries.factor
    monkeypatch.setattr(
        GaussianEntries, "factor", lambda *args: made.append(1) or factor(*args)
    )
    fitted = DiffusionSpectralEntropy(random_state=0).fit(X)
    assert len(made) == 2 * 6  # two factors of each of six tiles, once
    assert fitted.scale_.bandwidth.held is None
    # As with the bandwidth alone, to the rounding of float32.
    again = DiffusionSpectralEntropy(bandwidth=fitted.bandwidth_, random_state=0)
    assert fitted.entropy_ == pytest.approx(again.fit(X).entropy_, abs=2e-5)
    assert fitted.score(X) == pytest.approx(fitted.entropy_, abs=2e-5)


@pytest.mark.parametrize(
    "params", [{"metric": "sqeuclidean"}, {"metric": "seuclidean"}, {"t": "auto"}]
)
def test_what_is_held_changes_no_affinity(params):
    X = np.random.default_rng(0).normal(size=(2300, 5)) * [1, 2, 3, 4, 5]
    params = {**params, "random_state": 0, "eigen_solver": "lanczos", "tol": 5e-3}
    fitted = DiffusionSpectralEntropy(**params).fit(X)
    params["t"] = fitted.t_
    again = DiffusionSpectralEntropy(**params, bandwidth=fitted.bandwidth_).fit(X)
    assert fitted.entropy_ == pytest.approx(again.entropy_, abs=1e-3)


def test_tiles_of_another_size_are_made_anew():
    import sklearn

    X = np.random.default_rng(0).normal(size=(2300, 5))
    expected = DiffusionSpectralEntropy(random_state=0).fit(X)
    with sklearn.config_context(working_memory=16):
        found = DiffusionSpectralEntropy(random_state=0).fit(X)
    assert found.entropy_ == pytest.approx(expected.entropy_, abs=2e-5)


def test_a_long_job_is_told_before_any_work(monkeypatch):
    def work(*args):
        raise AssertionError("a pass over all pairs")

    monkeypatch.setattr("skdse._spectra.bandwidth.median_of_pairs", work)
    X = np.random.default_rng(0).normal(size=(150_000, 2))
    with pytest.raises(EfficiencyWarning, match="All pairs of 150000 samples"):
        DiffusionSpectralEntropy().fit(X)


class Missing:
    """Search that may have missed neighbours."""

    error = 0.01

    def __init__(self, search):
        self.search = search

    def __getattr__(self, name):
        return getattr(self.search, name)


def test_meter_adds_the_error_of_missed_neighbours():
    X = np.random.default_rng(0).normal(size=(300, 5))
    meter = SpectralMeter(affinity=make_affinity("nearest_neighbors"))
    scale = meter.fit(X, 0)
    search = Missing(scale.bandwidth.index)
    missing = replace(scale, bandwidth=replace(scale.bandwidth, index=search))
    exact, found = meter.measure(X, scale, 0), meter.measure(X, missing, 0)
    assert exact.std_error == 0
    assert found.value == exact.value
    assert found.std_error == pytest.approx(Missing.error)
