"""Scorers in the reports of skore, the real package: names, values, splits."""

import pytest
from by_hand import MEASURES, probed, scores_by_hand, value_by_hand
from numpy.testing import assert_allclose
from sklearn.model_selection import StratifiedKFold
from sklearn.neural_network import MLPClassifier

from skdse import DiffusionSpectralEntropy
from skdse.model_selection import representation_scorer

skore = pytest.importorskip("skore")
# Asked for here: what skore imports only then sets warning filters of its own.
EstimatorReport = skore.EstimatorReport
CrossValidationReport = skore.CrossValidationReport


@pytest.fixture
def halves(digits):
    X, y = digits
    return {"X_train": X[::2], "y_train": y[::2], "X_test": X[1::2], "y_test": y[1::2]}


def table(report, names, **options):
    return report.metrics.summarize(metric=names, **options).frame()


@pytest.mark.parametrize("measure", MEASURES)
def test_a_report_has_the_measure_of_held_out_samples(measure, halves):
    report = EstimatorReport(probed(), **halves)
    report.metrics.add(representation_scorer(measure))
    assert measure in report.metrics.available()
    X, y = halves["X_test"], halves["y_test"]
    Z = report.estimator_[:-1].transform(X)
    expected = value_by_hand(measure, Z, X, y)
    assert table(report, [measure])[measure] == expected
    assert getattr(report.metrics, measure)() == expected


def test_a_report_of_both_halves(halves):
    report = EstimatorReport(probed(), **halves)
    report.metrics.add(representation_scorer("dsmi"), name="bits")
    row = table(report, ["bits"], data_source="both").loc["bits"]
    for value, half in zip(row, ("train", "test"), strict=True):
        X, y = halves[f"X_{half}"], halves[f"y_{half}"]
        Z = report.estimator_[:-1].transform(X)
        assert value == value_by_hand("dsmi", Z, X, y)


def test_a_report_of_splits(digits):
    X, y = digits
    cv = StratifiedKFold(2)
    report = CrossValidationReport(probed(), X, y, splitter=cv)
    report.metrics.add(representation_scorer("dsmi"))
    summary = report.metrics.summarize(metric=["dsmi"])
    scores = summary.frame(aggregate=None).loc["dsmi"]
    assert_allclose(scores, scores_by_hand("dsmi", probed(), X, y, cv))


def test_layers_of_a_perceptron_beside_each_other(halves):
    mlp = MLPClassifier((8, 5), solver="lbfgs", max_iter=2000, random_state=0)
    report = EstimatorReport(mlp, **halves)
    dse = DiffusionSpectralEntropy(t=2)
    scorers = {
        f"layer {i}": representation_scorer(dse, representation=i) for i in (1, 2)
    }
    for name, scorer in scorers.items():
        report.metrics.add(scorer, name=name, position="last")
    with pytest.raises(ValueError, match="already exists"):
        report.metrics.add(scorers["layer 1"], name="layer 1")
    found = table(report, list(scorers))
    X, y = halves["X_test"], halves["y_test"]
    for name, scorer in scorers.items():
        assert found[name] == scorer(report.estimator_, X, y)
