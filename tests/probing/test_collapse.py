"""The watch for collapse: its two numbers against closed forms, and what it does."""

import pickle

import numpy as np
import pytest
from numpy.testing import assert_allclose
from sklearn.neural_network import MLPClassifier

from skdse.probing import (
    Collapse,
    CollapseError,
    CollapseWarning,
    RepresentationTracker,
)

CLASSES = np.arange(10)


@pytest.fixture
def mlp(digits):
    """Perceptron after its first epoch."""
    return MLPClassifier((16, 12), random_state=0).partial_fit(*digits, classes=CLASSES)


def _tracker(digits, on_collapse="raise", **params):
    return RepresentationTracker(
        "dse", None, *digits, on_collapse=on_collapse, **params
    )


def _onto_a_line(mlp, layer=1):
    """Let one unit of a layer follow the input; the others are constant."""
    mlp.coefs_[layer][:, 1:] = 0


def _to_a_point(mlp, layer=1):
    """Let the units of a layer be nearly constant, in all the directions they had."""
    mlp.coefs_[layer] *= 1e-6
    mlp.intercepts_[layer][:] = 1.0


def _signs(Z):
    """Rank and spread that a tracker finds of Z, which one layer gives as it is."""
    Z = np.asarray(Z, float)
    n_features = Z.shape[1]
    mlp = MLPClassifier(
        (n_features,), activation="identity", max_iter=1, random_state=0
    )
    mlp.partial_fit(Z, np.arange(len(Z)) % 2, classes=[0, 1])
    mlp.coefs_[0], mlp.intercepts_[0] = np.eye(n_features), np.zeros(n_features)
    (record,) = RepresentationTracker("dse", 1, Z, on_collapse=lambda found: None)(mlp)
    return record["feature_rank"], record["feature_spread"]


# The two numbers


def test_rank_and_spread_of_a_cross():
    # ±a_k along axis k, around a centre c: squared singular values 2 a_k², so the rank
    # is exp(H(a² / Σ a²)). Of 2d samples, |C|² = 2 Σ a² and |Z|² = |C|² + 2d |c|².
    a, centre = np.array([1.0, 2.0, 3.0]), np.array([5.0, 0.0, -1.0])
    Z = np.concatenate([np.diag(a), -np.diag(a)]) + centre
    q = a**2 / np.sum(a**2)
    spread = np.sqrt(28 / (28 + 6 * 26))
    assert_allclose(_signs(Z), (np.exp(-np.sum(q * np.log(q))), spread), rtol=1e-12)
    assert_allclose(_signs(Z * 1e-3), _signs(Z), rtol=1e-12)


def test_equal_axes_count_and_a_line_is_one():
    assert_allclose(_signs(np.concatenate([np.eye(7), -np.eye(7)])), (7, 1), rtol=1e-12)
    line = np.outer(np.arange(20.0) - 9.5, [1, 2, 3])
    assert_allclose(_signs(line), (1, 1), rtol=1e-9)


def test_constant_features_are_nothing():
    assert _signs(np.full((10, 3), 0.1)) == (0, 0)
    assert _signs(np.zeros((10, 3))) == (0, 0)


def test_many_samples_are_thinned_in_any_order(rng):
    # 512 of the samples are looked at. Some of each group are among them, whether the
    # groups come one after the other or in turns.
    Z = np.concatenate([np.eye(4), -np.eye(4)])
    for many in (np.repeat(Z, 256, axis=0), np.tile(Z, (256, 1))):
        assert_allclose(_signs(many), (4, 1), rtol=0.02)
    assert_allclose(_signs(rng.normal(size=(3000, 5))), (5, 1), rtol=0.02)


# What it does


@pytest.mark.parametrize(
    "ruin, sign", [(_onto_a_line, "feature_rank"), (_to_a_point, "feature_spread")]
)
def test_collapse_raises_after_it_is_recorded(mlp, digits, tmp_path, ruin, sign):
    path, logged = tmp_path / "run.csv", []
    tracker = _tracker(
        *(digits, "raise"),
        log=lambda numbers, epoch: logged.append((epoch, numbers)),
        path=path,
        collapse_share=0.3,
    )
    tracker(mlp, 0)
    ruin(mlp)
    with pytest.raises(
        CollapseError, match=r"layer 'hidden_2' .* at epoch 1"
    ) as caught:
        tracker(mlp, 1)
    found = {one.layer: one for one in caught.value.collapses}
    first, last = (
        next(
            one
            for one in tracker.records_
            if one["epoch"] == epoch and "2" in one["layer"]
        )
        for epoch in (0, 1)
    )
    assert found["hidden_2"] == Collapse("hidden_2", 1, sign, last[sign], first[sign])
    assert found["hidden_2"].value < 0.3 * found["hidden_2"].start
    assert [epoch for epoch, _ in logged] == [0, 1]
    assert logged[1][1][f"hidden_2/{sign}"] == last[sign]
    assert "hidden_1" not in found
    again = pickle.loads(pickle.dumps(caught.value))
    assert again.collapses == caught.value.collapses and str(again) == str(caught.value)
    # The file has the start, too: who goes on knows of it, and does not hear it twice.
    resumed = _tracker(digits, path=path, collapse_share=0.3).initialize()
    assert resumed.records_ == tracker.records_
    assert resumed(mlp, 2)[0]["epoch"] == 2


def test_warns_of_each_layer_once(mlp, digits):
    tracker = _tracker(digits, "warn")
    tracker(mlp, 0)
    _to_a_point(mlp)
    with pytest.warns(CollapseWarning) as caught:
        tracker(mlp, 1)
    assert caught[0].filename == __file__
    said = " ".join(str(one.message) for one in caught)
    assert "layer 'hidden_2' has collapsed at epoch 1: the spread" in said
    tracker(mlp, 2)  # a warning would be an error


def test_callable_gets_them_together(mlp, digits):
    calls = []
    tracker = _tracker(digits, calls.append)
    tracker(mlp, 0)
    assert calls == []
    _to_a_point(mlp, 0)
    tracker(mlp, 1)
    ((first, *_),) = calls
    assert (first.layer, first.epoch, first.sign) == ("hidden_1", 1, "feature_spread")


def test_constant_from_the_start(mlp, digits):
    mlp.coefs_[0][:] = 0
    with pytest.raises(CollapseError, match="hidden_1"):
        _tracker(digits)(mlp, 0)


def test_healthy_training_is_left_alone(digits):
    mlp = MLPClassifier((16, 12), learning_rate_init=0.01, random_state=0)
    tracker = _tracker(digits, "raise")
    for epoch in range(40):
        tracker(mlp.partial_fit(*digits, classes=CLASSES), epoch)
    assert tracker.records_[-1]["accuracy"] > 0.95
    ranks = [one["feature_rank"] for one in tracker.records_]
    assert all(1 < rank < 17 for rank in ranks)


def test_not_finite_is_no_collapse(mlp, digits):
    tracker = _tracker(digits)
    tracker(mlp, 0)
    mlp.coefs_[0][0, 0] = np.nan
    with pytest.warns(UserWarning, match="not finite"):
        records = tracker(mlp, 1)
    assert np.isnan(records[0]["feature_rank"])


def test_without_the_watch_records_are_as_before(mlp, digits, tmp_path):
    path = tmp_path / "run.csv"
    (record, *_) = _tracker(digits, None, path=path)(mlp, 0)
    assert "feature_rank" not in record
    # The settings are the same: a run may be watched from some epoch on.
    resumed = _tracker(digits, path=path)
    resumed(mlp, 1)
    _to_a_point(mlp)
    with pytest.raises(CollapseError):
        resumed(mlp, 2)


@pytest.mark.parametrize(
    "params, error, message",
    [
        ({"on_collapse": "stop"}, ValueError, "on_collapse must be one of"),
        ({"on_collapse": 3}, TypeError, "on_collapse must be a callable; got 3"),
        ({"collapse_share": 1.0}, ValueError, r"collapse_share must be .* got 1.0"),
        ({"collapse_share": 2}, ValueError, "collapse_share"),
        ({"log": "wandb"}, TypeError, "log must be a callable; got 'wandb'"),
    ],
)
def test_invalid_parameters(mlp, digits, params, error, message):
    with pytest.raises(error, match=message):
        RepresentationTracker("dse", None, *digits, **params)(mlp)
