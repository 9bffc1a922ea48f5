"""The callback of the Trainer of Transformers, with a tiny model."""

import inspect
import warnings

import numpy as np
import pytest
from encoders import tiny_bert
from watched import Watched, watch

from skdse import DiffusionSpectralEntropy
from skdse.probing import RepresentationTracker, layer_activations
from skdse.probing._records import read_records

torch = pytest.importorskip("torch")
with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    transformers = pytest.importorskip("transformers")
    pytest.importorskip("accelerate")

from skdse.integrations.transformers import RepresentationCallback  # noqa: E402

pytestmark = pytest.mark.filterwarnings("ignore")
torch.optim.SGD([torch.zeros(1)])  # imports what adds to the filters of warnings

N, N_EVAL = 48, 30
LAYER = "bert.encoder.layer.1"
TAKES_LOADERS = "max_samples" in inspect.signature(layer_activations).parameters


class Texts(torch.utils.data.Dataset):
    """Sequences of tokens, the first of which tells the label."""

    def __init__(self, n, seed):
        rng = np.random.default_rng(seed)
        self.y = np.arange(n) % 2
        self.tokens = rng.integers(4, 20, size=(n, 6))
        self.tokens[:, 0] = 2 + self.y

    def __len__(self):
        return len(self.y)

    def __getitem__(self, i):
        tokens = torch.tensor(self.tokens[i])
        label = int(self.y[i])
        return {"input_ids": tokens, "attention_mask": tokens > 0, "labels": label}


class Loaded(RepresentationTracker):
    """Tracker that notes what it is shown and measures nothing."""

    def initialize(self):
        self.records_, self.seen = [], []
        return self

    def __call__(self, model, epoch=None):
        self.seen.append((epoch, self.X))
        return []


def _tracker(**params):
    held = Texts(N_EVAL, 1)
    return Watched("dse", LAYER, held.tokens, held.y, **params)


def _trainer(tmp_path, *callbacks, epochs=2, **params):
    transformers.set_seed(0)
    config = tiny_bert(2, vocab_size=20, max_position_embeddings=16)
    args = transformers.TrainingArguments(
        output_dir=str(tmp_path / "out"),
        num_train_epochs=epochs,
        per_device_train_batch_size=16,
        per_device_eval_batch_size=16,
        report_to=[],
        use_cpu=True,
        disable_tqdm=True,
        **{"save_strategy": "no"} | params,
    )
    return transformers.Trainer(
        transformers.BertForSequenceClassification(config),
        args,
        train_dataset=Texts(N, 0),
        eval_dataset=Texts(N_EVAL, 1),
        callbacks=[*callbacks],
    )


def test_training_is_the_same_bit_for_bit(tmp_path):
    plain = _trainer(tmp_path)
    plain.train()
    state = torch.get_rng_state()
    tracker = _tracker()
    callback = watch(RepresentationCallback(tracker), lambda *_, model, **__: model)
    trainer = _trainer(tmp_path, callback)
    trainer.train()
    assert {"on_train_begin", "on_epoch_end"} < {*callback.calls}
    assert len(tracker.modes) > 0
    assert torch.equal(torch.get_rng_state(), state)
    for name, value in plain.model.state_dict().items():
        assert torch.equal(trainer.model.state_dict()[name], value), name
    assert not any(one._forward_hooks for one in trainer.model.modules())
    assert tracker.measured == [0, 1, 2]
    # In evaluation mode, it measures what the model at the end gives.
    tokens = torch.tensor(tracker.X)
    with torch.no_grad():
        Z = trainer.model.eval().bert(tokens).last_hidden_state.mean(dim=1)
    expected = DiffusionSpectralEntropy(random_state=0).fit(Z.numpy()).entropy_
    assert tracker.records_[-1]["dse"] == pytest.approx(expected, abs=1e-5)
    found = [one for one in trainer.state.log_history if f"dse/{LAYER}" in one]
    assert [(one["epoch"], one["step"]) for one in found] == [(0, 0), (1, 3), (2, 6)]
    assert found[-1][f"dse/{LAYER}"] == tracker.records_[-1]["dse"]


@pytest.mark.parametrize("with_file", [False, True])
@pytest.mark.parametrize("restore", [False, True])
def test_resumes_from_a_checkpoint(tmp_path, with_file, restore):
    params = {"path": tmp_path / "run.csv"} if with_file else {}
    first, second = _tracker(**params), _tracker(**params)
    callback = RepresentationCallback(first)
    _trainer(tmp_path, callback, epochs=3, save_strategy="epoch").train()
    assert first.measured == [0, 1, 2, 3]
    trainer = _trainer(
        tmp_path,
        RepresentationCallback(second),
        epochs=4,
        restore_callback_states_from_checkpoint=restore,
    )
    trainer.train(resume_from_checkpoint=str(tmp_path / "out" / "checkpoint-6"))
    # The file also has epoch 3, of a training that was given up.
    assert second.measured == [3, 4]
    assert [one["epoch"] for one in second.records_] == [0, 1, 2, 3, 4]
    assert second.records_[:3] == first.records_[:3]
    if with_file:
        assert read_records(params["path"]) == second.records_


def test_two_trackers_in_one_training(tmp_path):
    def callbacks():
        trackers = [_tracker(run=run) for run in "ab"]
        return trackers, [RepresentationCallback(one) for one in trackers]

    first, both = callbacks()
    _trainer(tmp_path, *both, epochs=1, save_strategy="epoch").train()
    second, both = callbacks()
    _trainer(tmp_path, *both).train(resume_from_checkpoint=True)
    for before, after in zip(first, second, strict=True):
        assert after.records_[:2] == before.records_
        assert after.measured == [2]


def test_the_history_has_each_epoch_once(tmp_path):
    callback = RepresentationCallback(_tracker())
    _trainer(tmp_path, callback, epochs=1, save_strategy="epoch").train()
    trainer = _trainer(tmp_path, RepresentationCallback(_tracker()))
    trainer.train(resume_from_checkpoint=True)
    found = [one for one in trainer.state.log_history if f"dse/{LAYER}" in one]
    assert [(one["epoch"], one["step"]) for one in found] == [(0, 0), (1, 3), (2, 6)]


@pytest.mark.parametrize("on_start", [False, True])
def test_batches_of_the_evaluation_after_a_checkpoint(tmp_path, on_start):
    params = {"eval_strategy": "epoch", "save_strategy": "epoch"}
    first, second = Watched("dse", LAYER), Watched("dse", LAYER)
    _trainer(tmp_path, RepresentationCallback(first), epochs=2, **params).train()
    again = _trainer(
        tmp_path,
        RepresentationCallback(second),
        epochs=3,
        eval_on_start=on_start,
        **params,
    )
    again.train(resume_from_checkpoint=str(tmp_path / "out" / "checkpoint-3"))
    assert second.measured == [2, 3]
    assert second.records_[0] == first.records_[0]


def test_another_tracker_than_that_of_the_checkpoint(tmp_path):
    callback = RepresentationCallback(_tracker())
    _trainer(tmp_path, callback, epochs=1, save_strategy="epoch").train()
    held = Texts(20, 2)
    other = RepresentationTracker("dse", LAYER, held.tokens, held.y)
    with pytest.raises(ValueError, match="pass the same tracker"):
        _trainer(tmp_path, RepresentationCallback(other)).train(
            resume_from_checkpoint=str(tmp_path / "out" / "checkpoint-3")
        )


def test_an_epoch_that_is_cut_short_is_not_measured(tmp_path):
    tracker = _tracker()
    _trainer(tmp_path, RepresentationCallback(tracker, log=False), max_steps=4).train()
    assert tracker.measured == [0, 1]


def test_batches_of_the_evaluation(tmp_path):
    tracker = Loaded("dse", LAYER)
    trainer = _trainer(
        tmp_path,
        RepresentationCallback(tracker),
        eval_strategy="epoch",
        eval_on_start=True,
    )
    trainer.train()
    trainer.evaluate()
    assert [epoch for epoch, _ in tracker.seen] == [0, 1, 2]
    loaders = {id(X) for _, X in tracker.seen}
    assert len(loaders) == 1
    batch = next(iter(tracker.X))
    assert len(batch["labels"]) == 16


@pytest.mark.skipif(not TAKES_LOADERS, reason="the tracker takes arrays alone")
def test_batches_of_the_evaluation_are_measured(tmp_path):
    tracker = Watched(["dse", "dsmi"], LAYER)
    trainer = _trainer(tmp_path, RepresentationCallback(tracker), eval_strategy="epoch")
    trainer.train()
    assert tracker.measured == [1, 2]
    assert {one["n_samples"] for one in tracker.records_} == {N_EVAL}
    assert np.isfinite([one["dsmi"] for one in tracker.records_]).all()


def test_only_a_tracker_is_taken():
    with pytest.raises(
        TypeError, match="tracker must be a RepresentationTracker; got 'dsmi'"
    ):
        RepresentationCallback("dsmi")
