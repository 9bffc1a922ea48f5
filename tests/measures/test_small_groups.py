"""Groups of a few samples: what is said of them."""

import re
import warnings

import numpy as np
import pytest
from messages import ISOLATED, UNIFORM, exactly
from sklearn.cluster import AgglomerativeClustering, KMeans
from sklearn.datasets import load_diabetes, load_digits
from sklearn.exceptions import EfficiencyWarning

from skdse import DiffusionSpectralEntropy, DiffusionSpectralMI, ShannonEntropy
from skdse._measures.grouping import group_target
from skdse._spectra import solvers
from skdse._spectra.spectral_meter import SpectralMeter, SpectralScale

TOO_FEW = (
    "Most groups have so few samples (median {}) that their entropies say little, "
    "whatever the bandwidth. Use fewer groups (n_groups; target='continuous' where y "
    "holds values) or more samples."
)


@pytest.fixture
def rng():
    return np.random.default_rng(0)


# Numbers that are no labels
# --------------------------


def test_a_regression_target_in_whole_numbers_is_told():
    X, y = load_diabetes(return_X_y=True)
    with pytest.warns(UserWarning) as caught:
        DiffusionSpectralMI(random_state=0).fit(X, y)
    assert [str(one.message) for one in caught] == [
        "y has 214 groups of median size 2 and looks continuous: pass "
        "target='continuous' to bin its values, or target='discrete' if they are "
        "labels.",
        TOO_FEW.format(2),
    ]
    assert {one.filename for one in caught} == {__file__}
    # The way out is one.
    dsmi = DiffusionSpectralMI(target="continuous", random_state=0).fit(X, y)
    assert dsmi.mutual_info_ > 0.05


def test_values_in_sequence_are_told_where_most_occur_once(rng):
    with pytest.warns(UserWarning, match="y has 40 groups of median size 1 and"):
        group_target(np.arange(40.0))
    group_target(np.arange(80) // 2)


@pytest.mark.parametrize(
    "y",
    [
        load_digits().target,
        np.repeat([0, 1, 2], 5),
        np.arange(50) % 2,
        np.repeat(np.arange(10), [100, 50, 20, 10, 5, 2, 1, 1, 1, 1]),
        np.arange(100) % 10 * 7,
        [f"name {i}" for i in range(100)],
        np.arange(300) // 6 * 10,  # many groups, but of six
        np.arange(20) ** 2,
        KMeans(30, n_init=1, random_state=0).fit(load_digits().data[:200]).labels_,
        AgglomerativeClustering(60).fit(load_digits().data[:200]).labels_,
        np.repeat(np.arange(-1, 30), [9] + [3] * 30),  # DBSCAN: -1 is noise
        np.repeat(np.arange(100), 5),  # few-shot learning
    ],
    ids=lambda y: f"{y[0]} to {y[-1]}",
)
def test_labels_are_not_told(y):
    group_target(y)  # a warning would be an error


def test_who_says_that_they_are_labels_is_not_told():
    y = load_diabetes().target
    assert len(group_target(y, "discrete").groups) == 214


# The cause: group sizes before the bandwidth
# -------------------------------------------


def messages(X, y, **params):
    """Warnings of a fit, and of a score, which are the same."""
    dsmi = DiffusionSpectralMI(target="discrete", random_state=0, **params)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        dsmi.fit(X, y)
        n = len(caught)
        dsmi.score(X, y)
    said = [str(one.message) for one in caught]
    assert said[:n] == said[n:] and {one.filename for one in caught} <= {__file__}
    return said[:n]


@pytest.mark.parametrize("size", [1, 2])
def test_small_groups_are_the_cause(size, rng):
    X = rng.normal(size=(240, 8))
    assert messages(X, np.arange(240) % (240 // size)) == [TOO_FEW.format(size)]


@pytest.mark.parametrize(("sigma", "message"), [(1e-9, ISOLATED), (1e9, UNIFORM)])
def test_the_bandwidth_is_the_cause_in_large_groups(sigma, message, rng):
    X, entropy = rng.normal(size=(60, 4)), DiffusionSpectralEntropy(bandwidth=sigma)
    assert messages(X, np.arange(60) % 3, estimator=entropy) == [message]
    # Many groups of one beside a large one, which weighs more.
    y = np.minimum(np.arange(60), 10)
    assert messages(X, y, estimator=entropy) == [message]
    # As many samples in pairs as in the large one are less than half of the cause.
    y = np.r_[np.arange(20) // 2, np.full(40, 99)]
    assert messages(X, y, estimator=entropy) == [message]


def test_a_few_small_groups_beside_large_ones_are_no_cause(rng):
    X = rng.normal(size=(60, 4))
    assert messages(X, np.minimum(np.arange(60), 10)) == []


def test_few_samples_of_large_groups(rng):
    X, y = rng.normal(size=(300, 8)), np.arange(300) % 3
    entropy = DiffusionSpectralEntropy(max_samples=1)
    (message,) = messages(X, y, estimator=entropy)
    assert re.match(exactly(TOO_FEW.format(1)), message)


# Large groups: told before the work, once
# ----------------------------------------


class Work(Exception):
    """The work has begun."""


def work(*_, **__):
    raise Work


@pytest.mark.parametrize("step", ["fit", "solve"])
@pytest.mark.parametrize("sizes", [(10_000, 10_000), (1, 10_000)])
def test_large_groups_are_announced_before_the_work(sizes, step, monkeypatch, rng):
    monkeypatch.setattr(SpectralMeter, step, work)
    y = np.repeat([0, 1], sizes)
    X = rng.normal(size=(len(y), 2))
    n = 2 + 5 * len(set(sizes))
    told = f"{n} groups and random subsets of up to 10000 samples .* max_samples is"
    with pytest.raises(Work), pytest.warns(EfficiencyWarning, match=told) as caught:
        DiffusionSpectralMI(random_state=0).fit(X, y)
    assert [one.filename for one in caught] == [__file__]


def test_score_announces_before_the_work(monkeypatch, rng):
    X, y = rng.normal(size=(120, 4)), np.arange(120) % 3
    dsmi = DiffusionSpectralMI(random_state=0).fit(X, y)
    monkeypatch.setattr(solvers, "LONG", 0.0)
    monkeypatch.setattr(SpectralScale, "at", work)
    told = "8 groups and random subsets of up to 40 samples"  # 3, and 5 of one size
    with pytest.raises(Work), pytest.warns(EfficiencyWarning, match=told) as caught:
        dsmi.score(X, np.roll(y, 1))
    assert [one.filename for one in caught] == [__file__]


@pytest.mark.parametrize("entropy", [None, DiffusionSpectralEntropy(t="auto")])
def test_many_long_jobs_are_announced_once(entropy, monkeypatch, rng):
    X, y = rng.normal(size=(120, 4)), np.arange(120) % 3
    quiet = DiffusionSpectralMI(entropy, random_state=0).fit(X, y)
    monkeypatch.setattr(solvers, "LONG", 0.0)
    with pytest.warns(EfficiencyWarning) as caught:
        dsmi = DiffusionSpectralMI(entropy, random_state=0).fit(X, y)
    assert len([one for one in caught if "groups and random" in str(one.message)]) == 1
    assert len(caught) == 1
    assert dsmi.mutual_info_ == quiet.mutual_info_
    # What others measure with is not known to take long.
    DiffusionSpectralMI(ShannonEntropy(), random_state=0).fit(X, y)
