"""Tests of the ranking of representations."""

import re
from functools import partial

import numpy as np
import pandas as pd
import polars as pl
import pytest
from by_hand import share, wide
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import clone
from sklearn.decomposition import PCA
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import RidgeClassifier
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MinMaxScaler

from skdse import DiffusionSpectralMI, ShannonEntropy, mutual_info_permutation_test
from skdse.model_selection import select_representation


def _candidates(X):
    """Four representations, from best to worst."""
    rng = np.random.default_rng(0)
    return {
        "noise": rng.normal(size=(len(X), 5)),
        "components": PCA(8, random_state=0),
        "one": PCA(1, random_state=0),
        "pipeline": make_pipeline(MinMaxScaler(), PCA(3), RidgeClassifier()),
    }


def test_ranking(digits):
    X, y = digits
    candidates = _candidates(X)
    ranking = select_representation(candidates, X, y, random_state=0)
    assert ranking.name.tolist() == ["components", "pipeline", "one", "noise"]
    assert ranking.rank.tolist() == [1, 2, 3, 4]
    assert (np.diff(ranking.dsmi) < 0).all()
    assert ranking.n_features.tolist() == [8, 3, 1, 5]
    assert (ranking.pvalue[:3] < 0.01).all() and ranking.pvalue[3] > 0.05
    assert (ranking.fit_time[:3] > 0).all() and (ranking.score_time > 0).all()
    # Candidates stay as they are.
    assert not hasattr(candidates["components"], "components_")


def test_values_of_the_ranking_are_those_of_the_parts(digits):
    X, y = digits
    ranking = select_representation(_candidates(X), X, y, random_state=3)
    fitted = PCA(8, random_state=0).fit(X)
    dsmi = share(random_state=3).fit(fitted.transform(X), y)
    test = mutual_info_permutation_test(
        fitted.transform(X), y, estimator=dsmi, random_state=3
    )
    assert ranking.dsmi[0] == test.statistic == dsmi.mutual_info_
    assert ranking.std_error[0] == test.std_error == dsmi.mutual_info_std_error_
    assert ranking.pvalue[0] == test.pvalue


def test_the_ranking_is_a_table(digits):
    X, y = digits
    ranking = select_representation(_candidates(X), X, y, n_permutations=0)
    columns = "rank name dsmi std_error pvalue n_features fit_time score_time".split()
    table = pd.DataFrame(ranking)
    assert table.columns.tolist() == list(ranking) == columns
    assert len(table) == 4
    assert pl.DataFrame(dict(ranking)).columns == columns
    assert np.isnan(ranking.pvalue).all()


def test_equal_candidates_have_one_rank(digits):
    X, y = digits
    ranking = select_representation(
        {"a": X[:, :9], "b": X, "c": X}, X, y, n_permutations=0
    )
    assert ranking.name.tolist() == ["b", "c", "a"]
    assert ranking.rank.tolist() == [1, 1, 3]


@pytest.mark.parametrize(
    ("measure", "target"),
    [("dsmi_input", "X"), (DiffusionSpectralMI(n_groups=4), "vectors")],
)
def test_targets_are_grouped_once(measure, target, digits):
    X, y = digits
    y = None if target == "X" else X[:, 20:30]
    candidates = {"a": PCA(4, random_state=0), "b": PCA(2, random_state=0)}
    ranking = select_representation(
        candidates, X, y, measure=measure, n_permutations=0, random_state=0
    )
    n_groups = 10 if target == "X" else 4
    form = wide if target == "X" else partial(DiffusionSpectralMI, random_state=0)
    dsmi = form(target="continuous", n_groups=n_groups)
    for name, value in zip(ranking.name, ranking.dsmi, strict=True):
        Z = clone(candidates[name]).fit_transform(X)
        # PCA gives the samples that it was fitted to back with other last digits.
        expected = dsmi.fit(Z, X if target == "X" else y).mutual_info_
        assert_allclose(value, expected, rtol=1e-6)


def test_results_do_not_depend_on_n_jobs(digits):
    X, y = digits
    one, two = (
        select_representation(
            {"a": X, "b": X[:, :9]},
            X,
            y,
            n_permutations=20,
            random_state=0,
            n_jobs=n_jobs,
        )
        for n_jobs in (1, 2)
    )
    for column in ("name", "dsmi", "std_error", "pvalue"):
        assert_array_equal(one[column], two[column])


def test_seeds_of_the_ranking(digits):
    X, y = digits
    candidates = {"a": X, "b": X.copy()}
    for seed in (None, 0, np.random.RandomState(0)):
        ranking = select_representation(
            candidates, X, y, n_permutations=5, random_state=seed
        )
        # The same subsets and permutations for all candidates.
        assert ranking.dsmi[0] == ranking.dsmi[1]
        assert ranking.pvalue[0] == ranking.pvalue[1]


def test_a_frozen_candidate_is_not_fitted_again(digits):
    X, y = digits
    mlp = MLPClassifier((8,), solver="lbfgs", max_iter=500, random_state=0)
    train, test = slice(0, 75), slice(75, None)
    mlp.fit(X[train], y[train])
    ranking = select_representation(
        {"mlp": FrozenEstimator(mlp), "input": X[test]},
        X[test],
        y[test],
        n_permutations=0,
        random_state=0,
    )
    hidden = np.maximum(X[test] @ mlp.coefs_[0] + mlp.intercepts_[0], 0)
    expected = share().fit(hidden, y[test]).mutual_info_
    assert_allclose(ranking.dsmi[ranking.name == "mlp"], expected)


def test_progress_of_the_ranking(capsys, digits):
    X, y = digits
    for verbose in (0, 1):
        select_representation({"a": X}, X, y, n_permutations=0, verbose=verbose)
        out, err = capsys.readouterr()
        assert out == err == ""  # too short for a line


@pytest.mark.parametrize(
    ("params", "error", "message"),
    [
        ({"candidates": [PCA(2)]}, TypeError, "candidates must be a dict of names to"),
        ({"candidates": {}}, ValueError, "candidates must have at least one entry"),
        ({"candidates": {"a": PCA}}, TypeError, "candidates['a'] must be an array or"),
        (
            {"candidates": {"a": np.zeros((3, 2))}},
            ValueError,
            "candidates['a'] must give an array of shape (n_samples, n_features) with "
            "n_samples=150; got shape (3, 2).",
        ),
        ({"candidates": {"a": np.full((150, 1), np.nan)}}, ValueError, "contains NaN"),
        ({"y": None}, ValueError, "measure='dsmi_share' needs y"),
        ({"y": [0, 1]}, ValueError, "inconsistent numbers of samples"),
        ({"measure": "dse"}, ValueError, "measure must be one of ['dsmi', 'dsmi_inp"),
        ({"measure": ShannonEntropy()}, TypeError, "or a DiffusionSpectralMI; got Sh"),
        (
            {"measure": DiffusionSpectralMI(n_repeats=0)},
            ValueError,
            "n_repeats == 0, must be >= 1.",
        ),
        ({"n_permutations": -1}, ValueError, "n_permutations == -1, must be >= 0."),
        ({"n_jobs": 0}, ValueError, "n_jobs must be None or an integer other than 0"),
        ({"random_state": "a"}, ValueError, "'a' cannot be used to seed"),
    ],
)
def test_errors_of_the_ranking(params, error, message, digits):
    X, y = digits

    class Untouched(PCA):
        def fit(self, X, y=None):
            raise AssertionError("work before the check")

    params = {"candidates": {}, "X": X, "y": y} | params
    if "must have at least one" not in message and isinstance(
        params["candidates"], dict
    ):
        params["candidates"] = {"work": Untouched(), **params["candidates"]}
    with pytest.raises(error, match=re.escape(message)):
        select_representation(**params)


def test_the_candidate_is_named_in_its_errors(digits):
    X, y = digits
    with pytest.raises(ValueError, match="n_components") as caught:
        select_representation({"fine": X, "wide": PCA(1000)}, X, y, n_permutations=0)
    assert caught.value.__notes__ == ["The candidate: 'wide'."]
