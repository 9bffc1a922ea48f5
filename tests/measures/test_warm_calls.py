"""Tests of what a second call of mutual information does not do again."""

import numpy as np
import pytest
from labelled import clusters

from skdse import DiffusionSpectralEntropy, DiffusionSpectralMI
from skdse._measures.subsets import Samples
from skdse._spectra.affinity import Affinity


@pytest.fixture
def counted(monkeypatch):
    """Calls of the fit of a bandwidth and of the measurement of groups."""
    calls, fit, entropies = [], Affinity.fit, Samples.entropies

    def counted_fit(self, X, seed=None):
        calls.append("fit")
        return fit(self, X, seed)

    def counted_entropies(self, sets, label):
        calls.append("groups")
        return entropies(self, sets, label)

    monkeypatch.setattr(Affinity, "fit", counted_fit)
    monkeypatch.setattr(Samples, "entropies", counted_entropies)
    return calls


def test_the_fitted_samples_are_not_measured_again(counted):
    X, y = clusters()
    dsmi = DiffusionSpectralMI(random_state=0).fit(X, y)
    counted.clear()
    assert dsmi.score(X.copy(), list(y)) == dsmi.mutual_info_
    assert counted == []
    dsmi.set_params(normalize=True)
    assert dsmi.score(X, y) == dsmi.mutual_info_ / dsmi.entropy_


@pytest.mark.parametrize("change", ["labels", "repeats", "order", "in place"])
def test_what_is_different_is_measured(change, counted):
    X, y = clusters()
    dsmi = DiffusionSpectralMI(random_state=0).fit(X, y)
    counted.clear()
    Z, labels = X, y
    if change == "labels":
        labels = np.roll(y, 1)
    elif change == "repeats":
        dsmi.set_params(n_repeats=9)
    elif change == "order":
        Z, labels = X[::-1], y[::-1]
    else:
        X[0] += 1
    assert dsmi.score(Z, labels) != dsmi.mutual_info_
    assert counted == ["groups"]


def test_labels_changed_in_place_are_not_those_measured():
    X, y = clusters()
    dsmi = DiffusionSpectralMI(random_state=0).fit(X, y)
    dsmi.labels_[:] = np.roll(y, 1)
    cold = DiffusionSpectralMI(random_state=0).fit(X, y)
    assert dsmi.score(X, np.roll(y, 1)) == cold.score(X, np.roll(y, 1))


@pytest.mark.parametrize("random_state", [0, None])
def test_another_fit_takes_the_scale_of_the_same_samples(random_state, counted):
    X, y = clusters()
    other = np.roll(y, 1)
    cold = DiffusionSpectralMI(random_state=0).fit(X, other)
    dsmi = DiffusionSpectralMI(random_state=random_state).fit(X, y)
    counted.clear()
    dsmi.fit(X, other)
    assert counted == ["groups"]
    assert (dsmi.estimator_.bandwidth_ == cold.estimator_.bandwidth_).all()
    if random_state == 0:
        assert dsmi.mutual_info_ == cold.mutual_info_


@pytest.mark.parametrize("change", ["samples", "in place", "bandwidth", "seed"])
def test_another_fit_of_something_else_is_anew(change, counted):
    X, y = clusters((40, 40, 40))
    dse = DiffusionSpectralEntropy(metric="cosine") if change == "seed" else None
    dsmi = DiffusionSpectralMI(dse, random_state=0).fit(X, y)
    counted.clear()
    if change == "samples":
        X = 2 * X
    elif change == "in place":
        X *= 2
    elif change == "bandwidth":
        dsmi.set_params(estimator=DiffusionSpectralEntropy(bandwidth="knn"))
    else:  # which draws the pairs of a median
        dsmi.set_params(random_state=1)
    dsmi.fit(X, y)
    cold = DiffusionSpectralMI(dsmi.estimator, random_state=dsmi.random_state)
    assert counted == ["fit", "groups"]
    assert dsmi.mutual_info_ == cold.fit(X, y).mutual_info_


def test_an_open_time_is_chosen_anew():
    X, y = clusters((40, 40, 40))
    dse = DiffusionSpectralEntropy(bandwidth="adaptive", t="auto")
    dsmi = DiffusionSpectralMI(dse, random_state=0).fit(X, y)
    y = np.arange(120) % 2
    cold = DiffusionSpectralMI(dse, random_state=0).fit(X, y)
    assert dsmi.fit(X, y).mutual_info_ == cold.mutual_info_
    assert dsmi.estimator_.t_ == cold.estimator_.t_


def test_subsamples_are_measured_again(counted):
    X, y = clusters((40, 40, 40))
    dsmi = DiffusionSpectralMI(max_samples=60, random_state=0).fit(X, y)
    counted.clear()
    dsmi.score(X, y)
    assert counted.count("groups") == dsmi.n_repeats


def test_an_entropy_measures_its_samples_at_their_own_scale():
    X, _ = clusters()
    dse = DiffusionSpectralEntropy(bandwidth="adaptive").fit(X)
    assert dse.scale_.at(X.copy()) is dse.scale_
    assert not dse.scale_.take(np.arange(len(X))).is_of(X)
    assert not dse.scale_.at(X[1:]).is_of(X)
    assert dse.score(X) == dse.entropy_
