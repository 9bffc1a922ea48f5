"""The callback of Lightning, in trainings of a tiny module."""

import warnings

import numpy as np
import pytest
from watched import Watched, watch

from skdse.probing import RepresentationTracker
from skdse.probing._records import read_records

torch = pytest.importorskip("torch")
with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    L = pytest.importorskip("lightning.pytorch")

from skdse.integrations.lightning import RepresentationCallback  # noqa: E402

pytestmark = pytest.mark.filterwarnings("ignore")  # Lightning advises on speed
torch.optim.SGD([torch.zeros(1)])  # imports what adds to the filters of warnings


class Module(L.LightningModule):
    """One hidden layer with normalisation and dropout."""

    def __init__(self):
        super().__init__()
        self.encoder = torch.nn.Linear(64, 8)
        self.norm = torch.nn.BatchNorm1d(8)
        self.head = torch.nn.Linear(8, 10)
        self.dropout = torch.nn.Dropout()

    def forward(self, x):
        return self.head(self.dropout(torch.relu(self.norm(self.encoder(x)))))

    def training_step(self, batch, index):
        return torch.nn.functional.cross_entropy(self(batch[0]), batch[1])

    def validation_step(self, batch, index):
        pass

    def configure_optimizers(self):
        return torch.optim.SGD(self.parameters(), lr=0.1)


@pytest.fixture
def data(digits):
    X, y = (torch.tensor(one) for one in digits)
    return X.float() / 16, y


def _tracker(data, **params):
    return Watched("dse", "encoder", data[0][:60], data[1][:60], **params)


def _fit(tmp_path, data, *callbacks, epochs=2, ckpt=None, validate=True, **params):
    """Module after training, and its trainer."""
    L.seed_everything(0, verbose=False)
    loader = torch.utils.data.DataLoader(
        torch.utils.data.TensorDataset(*data), 50, shuffle=True
    )
    params = {"logger": False, "num_sanity_val_steps": 2} | params
    trainer = L.Trainer(
        max_epochs=epochs,
        callbacks=[*callbacks],
        accelerator="cpu",
        default_root_dir=tmp_path,
        enable_progress_bar=False,
        enable_model_summary=False,
        enable_checkpointing=any(
            isinstance(one, L.callbacks.Checkpoint) for one in callbacks
        ),
        **params,
    )
    module = Module()
    trainer.fit(module, loader, loader if validate else None, ckpt_path=ckpt)
    return module, trainer


def test_training_is_the_same_bit_for_bit(tmp_path, data):
    tracker = _tracker(data)
    plain, _ = _fit(tmp_path, data)
    state = torch.get_rng_state()
    callback = watch(
        RepresentationCallback(tracker), lambda trainer, module, *_: module
    )
    module, trainer = _fit(tmp_path, data, callback)
    assert {"on_train_start", "on_validation_epoch_end"} < {*callback.calls}
    assert len(tracker.modes) > 0
    assert torch.equal(torch.get_rng_state(), state)
    for name, value in plain.state_dict().items():
        assert torch.equal(module.state_dict()[name], value), name
    assert not any(one._forward_hooks for one in module.modules())
    assert tracker.measured == [0, 1, 2]  # the check before the training is none
    # In evaluation mode, it measures what the module at the end gives.
    (again,) = _tracker(data)(module.eval(), 2)
    assert again["dse"] == tracker.records_[-1]["dse"]
    assert trainer.callback_metrics["dse/encoder"].item() == pytest.approx(again["dse"])


@pytest.mark.parametrize(
    "params",
    [
        {"validate": False},
        {"check_val_every_n_epoch": 2},
        {"val_check_interval": 1},
        {"num_sanity_val_steps": 0},
    ],
)
def test_each_epoch_is_measured_at_its_end(tmp_path, data, params):
    epochs = []

    class Steps(Watched):
        def __call__(self, model, epoch=None):
            epochs.append((epoch, model.trainer.global_step))
            return super().__call__(model, epoch)

    tracker = Steps("dse", "encoder", data[0][:60], data[1][:60])
    _fit(tmp_path, data, RepresentationCallback(tracker), **params)
    assert epochs == [(0, 0), (1, 3), (2, 6)]


@pytest.mark.parametrize("validate", [False, True])
def test_values_reach_the_logger_and_can_be_monitored(tmp_path, data, validate):
    logger = L.loggers.CSVLogger(tmp_path)
    tracker = _tracker(data)
    best = L.callbacks.ModelCheckpoint(tmp_path / "best", monitor="dse/encoder")
    callback = RepresentationCallback(tracker)
    _fit(tmp_path, data, best, callback, logger=logger, validate=validate)
    values = [one["dse"] for one in tracker.records_]
    assert float(best.best_model_score) == pytest.approx(min(values[1:]))
    rows = np.genfromtxt(f"{logger.log_dir}/metrics.csv", delimiter=",", names=True)
    assert rows["dseencoder"] == pytest.approx(values, rel=1e-6)


@pytest.mark.parametrize("with_file", [False, True])
@pytest.mark.parametrize("validate", [False, True])
def test_resumes_from_a_checkpoint(tmp_path, data, with_file, validate):
    params = {"path": tmp_path / "run.csv"} if with_file else {}
    every = L.callbacks.ModelCheckpoint(tmp_path / "all", save_top_k=-1)
    whole = _tracker(data)
    _fit(tmp_path, data, RepresentationCallback(whole), epochs=4, validate=validate)
    first = _tracker(data, **params)
    _fit(tmp_path, data, every, RepresentationCallback(first), validate=validate)
    torch.load(every.best_model_path, weights_only=True)  # plain numbers and texts
    second = _tracker(data, **params)
    _fit(
        tmp_path,
        data,
        RepresentationCallback(second),
        epochs=4,
        ckpt=every.best_model_path,
        validate=validate,
    )
    assert first.measured == [0, 1, 2]
    assert second.measured == [3, 4]
    assert [one["epoch"] for one in second.records_] == [0, 1, 2, 3, 4]
    assert second.records_[:3] == first.records_
    # Batches are drawn anew after a resumption; what does not draw is the same.
    assert second.records_[2]["dse"] == whole.records_[2]["dse"]


@pytest.mark.parametrize("validate", [False, True])
def test_goes_on_from_a_checkpoint_without_records(tmp_path, data, validate):
    whole, saver = _tracker(data), L.callbacks.ModelCheckpoint(tmp_path, "{epoch}")
    saver.save_top_k = -1
    _fit(tmp_path, data, RepresentationCallback(whole), saver, validate=validate)
    ckpt = torch.load(tmp_path / "epoch=0.ckpt", weights_only=False)
    del ckpt["callbacks"]["RepresentationTracker"]
    torch.save(ckpt, tmp_path / "without.ckpt")
    tracker = _tracker(data, path=tmp_path / "run.csv")
    for epoch in (0, 1, 2):
        tracker(Module(), epoch)
    again = _tracker(data, path=tracker.path)
    _fit(
        tmp_path,
        data,
        RepresentationCallback(again),
        ckpt=tmp_path / "without.ckpt",
        validate=validate,
    )
    # What the file has of epochs before the checkpoint is all that there is of them.
    assert [one["epoch"] for one in again.records_] == [0, 1, 2]
    assert again.records_[:2] == tracker.records_[:2]
    assert again.measured == [2]
    assert read_records(tracker.path) == again.records_


def test_a_test_of_a_checkpoint_leaves_the_records(tmp_path, data):
    tracker = _tracker(data, path=tmp_path / "run.csv")
    saver = L.callbacks.ModelCheckpoint(tmp_path, "{epoch}", save_top_k=-1)
    module, trainer = _fit(tmp_path, data, RepresentationCallback(tracker), saver)
    before = list(tracker.records_)
    loader = torch.utils.data.DataLoader(torch.utils.data.TensorDataset(*data), 50)
    trainer.validate(module, loader, ckpt_path=tmp_path / "epoch=0.ckpt")
    assert tracker.records_ == before == read_records(tracker.path)
    # The module of the first epoch is trained from the start, not from the checkpoint.
    trainer.fit_loop.max_epochs = 3
    trainer.fit(module, loader)
    assert [one["epoch"] for one in tracker.records_] == [0, 1, 2, 3]
    assert tracker.records_[:3] == before


def test_two_trackers_in_one_training(tmp_path, data):
    def callbacks():
        trackers = [_tracker(data, run=run) for run in "ab"]
        return trackers, [RepresentationCallback(one) for one in trackers]

    saver = L.callbacks.ModelCheckpoint(tmp_path, "{epoch}")
    first, both = callbacks()
    _fit(tmp_path, data, *both, saver, epochs=1)
    second, both = callbacks()
    _fit(tmp_path, data, *both, ckpt=tmp_path / "epoch=0.ckpt")
    for before, after in zip(first, second, strict=True):
        assert after.records_[:2] == before.records_
        assert after.measured == [2]


def test_another_tracker_than_that_of_the_checkpoint(tmp_path, data):
    last = L.callbacks.ModelCheckpoint(tmp_path / "all")
    _fit(tmp_path, data, last, RepresentationCallback(_tracker(data)))
    other = RepresentationTracker("dse", "encoder", data[0][:50], data[1][:50])
    with pytest.raises(ValueError, match="pass the same tracker"):
        _fit(
            tmp_path,
            data,
            RepresentationCallback(other),
            epochs=3,
            ckpt=last.best_model_path,
        )


def test_a_new_training_starts_again(tmp_path, data):
    tracker = _tracker(data)
    callback = RepresentationCallback(tracker, log=False)
    _fit(tmp_path, data, callback, epochs=1)
    _, trainer = _fit(tmp_path, data, callback, epochs=1)
    assert tracker.measured == [0, 1, 0, 1]
    assert [one["epoch"] for one in tracker.records_] == [0, 1]
    assert trainer.callback_metrics == {}


def test_a_training_by_steps_goes_on_in_the_same_trainer(tmp_path, data):
    tracker = _tracker(data)
    callback = RepresentationCallback(tracker)
    params = {"epochs": -1, "max_steps": 2, "validate": False}
    module, trainer = _fit(tmp_path, data, callback, **params)
    assert tracker.measured == [0, 1]  # also where an epoch is cut short
    before = list(tracker.records_)
    trainer.fit_loop.epoch_loop.max_steps = 6
    loader = torch.utils.data.DataLoader(torch.utils.data.TensorDataset(*data), 50)
    trainer.fit(module, loader)
    found = [one["epoch"] for one in tracker.records_]
    assert found == sorted({*found})
    assert tracker.records_[0] == before[0]


def test_only_a_tracker_is_taken():
    with pytest.raises(
        TypeError, match="tracker must be a RepresentationTracker; got 'dsmi'"
    ):
        RepresentationCallback("dsmi")
