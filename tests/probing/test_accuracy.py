"""Accuracy of a network beside its activations: of classes, and of several labels."""

import numpy as np
import pytest
from sklearn.metrics import accuracy_score
from sklearn.neural_network import MLPClassifier

from skdse.probing import RepresentationTracker


@pytest.fixture(scope="module")
def rows(digits):
    """Samples, their classes as one-hot rows, and rows with several labels."""
    X, y = digits
    X = X / 16
    several = np.stack([y % 2 == 0, y < 5, y % 3 == 0], axis=1).astype(int)
    return X, np.eye(10, dtype=int)[y], several


def accuracy_of(model, X, y):
    """Accuracy that a tracker records."""
    tracker = RepresentationTracker("dse", 1, X, y)
    return tracker(model)[0]["accuracy"]


def trained(X, y):
    """Perceptron after a few steps."""
    mlp = MLPClassifier((16,), solver="lbfgs", max_iter=15, random_state=0)
    with pytest.warns(match="failed to converge"):
        return mlp.fit(X, y)


@pytest.mark.parametrize("as_labels", [np.asarray, np.ndarray.tolist, np.float32])
def test_one_hot_rows_are_right_where_their_class_has_the_largest_score(
    rows, digits, as_labels
):
    X, one_hot, _ = rows
    _, y = digits
    model = trained(X, one_hot)
    expected = accuracy_score(y, model.predict_proba(X).argmax(axis=1))
    assert 0.5 < expected
    # It is not the share of rows with the one output above 1/2 and no other.
    assert expected > model.score(X, one_hot)
    assert accuracy_of(model, X, as_labels(one_hot)) == expected
    assert accuracy_of(model, X, y) == expected


def test_rows_of_several_labels_have_the_accuracy_of_score(rows):
    X, _, several = rows
    model = trained(X, several)
    assert 0.2 < model.score(X, several) < 1
    assert accuracy_of(model, X, several) == model.score(X, several)
    assert np.isnan(accuracy_of(model, X, several[:, :2]))
    assert np.isnan(accuracy_of(model, X, several / 2))


def test_text_is_not_compared_with_numbers(digits):
    X, y = digits
    model = trained(X / 16, y)
    names = np.array(list("abcdefghij"))[y]
    assert np.isnan(accuracy_of(model, X / 16, names))
    assert np.isnan(accuracy_of(model, X / 16, names.astype(object)))
