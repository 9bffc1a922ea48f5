"""The callback of Keras 3 with the backend torch, in trainings of tiny models."""

import numpy as np
import pytest
from numpy.testing import assert_array_equal
from watched import Watched, watch

torch = pytest.importorskip("torch")
keras = pytest.importorskip("keras")

from skdse.integrations.keras import RepresentationCallback  # noqa: E402

pytestmark = pytest.mark.filterwarnings("ignore")  # NumPy 2 and Keras
layers = keras.layers


@pytest.fixture
def data(digits):
    return digits[0].astype("float32") / 16, digits[1]


def _model():
    keras.utils.set_random_seed(0)
    model = keras.Sequential(
        [
            keras.Input((64,)),
            layers.Dense(8, activation="relu", name="first"),
            layers.BatchNormalization(name="norm"),
            layers.Dropout(0.5),
            layers.Dense(10, name="head"),
        ]
    )
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile("sgd", loss)
    return model


def _tracker(data, *params, **others):
    return Watched(*(params or ("dse", "first")), data[0], data[1], **others)


def _fit(model, data, *callbacks, **params):
    params = {"epochs": 2} | params
    return model.fit(*data, callbacks=[*callbacks], batch_size=50, verbose=0, **params)


def test_training_is_the_same_bit_for_bit(data):
    plain, model = _model(), None
    _fit(plain, data)
    after = np.random.get_state()[1].copy(), torch.get_rng_state()
    model, tracker = _model(), _tracker(data, ["dse"], ["first", "norm", "head"])
    callback = RepresentationCallback(tracker)
    history = _fit(model, data, watch(callback, lambda *_, **__: model)).history
    assert {"on_epoch_begin", "on_epoch_end"} < {*callback.calls}
    assert len(tracker.modes) > 0
    for one, other in zip(plain.get_weights(), model.get_weights(), strict=True):
        assert_array_equal(one, other)
    assert_array_equal(np.random.get_state()[1], after[0])
    assert torch.equal(torch.get_rng_state(), after[1])
    assert [one["epoch"] for one in tracker.records_] == [0] * 3 + [1] * 3 + [2] * 3
    assert history["dse/norm"] == [one["dse"] for one in tracker.records_[4::3]]


def test_layers_are_those_of_the_model_in_inference(data):
    seen = {}

    def keep(Z):
        seen[len(seen)] = Z.clone()
        return Z

    model = _model()
    tracker = _tracker(data, ["dse"], ["first", "norm", "head"], pooling=keep)
    _fit(model, data, RepresentationCallback(tracker))
    first = keras.ops.relu(data[0] @ model.get_weights()[0] + model.get_weights()[1])
    norm = model.get_layer("norm")(first, training=False)
    expected = (first, norm, model(data[0], training=False))
    for Z, one in zip(list(seen.values())[-3:], expected, strict=True):
        np.testing.assert_allclose(Z, keras.ops.convert_to_numpy(one), atol=1e-5)
    predicted = np.argmax(model.predict(data[0], verbose=0), axis=1)
    assert tracker.records_[-1]["accuracy"] == np.mean(predicted == data[1])


def test_maps_are_pooled_over_positions(data):
    X = data[0].reshape(-1, 8, 8, 1)
    inputs = keras.Input((8, 8, 1))
    maps = layers.Conv2D(3, 3, name="maps")(inputs)
    outputs = layers.Dense(10)(layers.Flatten()(maps))
    model = keras.Model(inputs, outputs)
    model.compile("sgd", keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    tracker = _tracker((X, data[1]), "dse", "maps")
    _fit(model, (X, data[1]), RepresentationCallback(tracker, log=False), epochs=1)
    assert {one["n_features"] for one in tracker.records_} == {3}


def test_resumes_from_the_file(data, tmp_path):
    path = tmp_path / "run.csv"
    first, second = _tracker(data, path=path), _tracker(data, path=path)
    model = _model()
    _fit(model, data, RepresentationCallback(first), epochs=1)
    _fit(model, data, RepresentationCallback(second), epochs=3, initial_epoch=1)
    assert second.records_[:2] == first.records_
    assert [one["epoch"] for one in second.records_] == [0, 1, 2, 3]


def test_a_new_training_starts_again(data):
    tracker = _tracker(data)
    callback = RepresentationCallback(tracker)
    for model in (_model(), _model()):
        history = _fit(model, data, callback, epochs=1).history
        assert [one["epoch"] for one in tracker.records_] == [0, 1]
        assert history["dse/first"] == [tracker.records_[-1]["dse"]]


def test_other_models_and_trackers_are_refused(data):
    class Own(keras.Model):
        def __init__(self):
            super().__init__()
            self.head = layers.Dense(10)

        def call(self, X):
            return self.head(X)

    model = Own()
    model.compile("sgd", keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    with pytest.raises(TypeError, match=r"functional or sequential.*got Own"):
        _fit(model, data, RepresentationCallback(_tracker(data)))
    with pytest.raises(
        TypeError, match="tracker must be a RepresentationTracker; got 'dsmi'"
    ):
        RepresentationCallback("dsmi")


def test_other_backends_are_refused(data, monkeypatch):
    monkeypatch.setattr(keras.backend, "backend", lambda: "jax")
    with pytest.raises(RuntimeError, match="KERAS_BACKEND=torch"):
        RepresentationCallback(_tracker(data))
