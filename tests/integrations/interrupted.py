"""Trainings that are killed at a moment, and go on from their last checkpoint.

Each function trains a tiny network for some epochs of three steps and goes on from the
last checkpoint in the folder, if there is one. Nothing is drawn at random, or the
framework puts its random state back: the training is the same as without an end.
"""

import os
import signal
import sys
import warnings
from pathlib import Path

import numpy as np

from skdse import DiffusionSpectralEntropy
from skdse.probing import RepresentationTracker

N_EPOCHS, N_STEPS = 4, 3
# The epoch of the tracker that is not completed.
LAST = 3


class Death:
    """Kills this process at a moment of the epoch LAST."""

    def __init__(self, moment):
        self.moment, self.step = moment, 0

    def at(self, moment, is_time):
        """Kill if it is this moment."""
        if moment == self.moment and is_time:
            os.kill(os.getpid(), signal.SIGKILL)

    def at_step(self):
        """Note that a step begins; kill after the checkpoint of LAST or in LAST."""
        self.at("saved", self.step == LAST * N_STEPS)
        self.at("step", self.step == LAST * N_STEPS - 1)
        self.step += 1


death = Death(None)


class Deadly(DiffusionSpectralEntropy):
    """Entropy, at the measuring of which the process may be killed."""

    n_fits = 0

    def fit(self, X, y=None):
        death.at("measuring", Deadly.n_fits == LAST)
        Deadly.n_fits += 1
        return super().fit(X, y)


def replace(source, target, really=os.replace):
    """Put a file in its place; or be killed in the middle of writing it."""
    if str(target).endswith("run.csv") and death.moment == "writing":
        if len(Path(source).read_text().splitlines()) == LAST + 2:
            os.truncate(source, os.path.getsize(source) // 2)
            death.at("writing", True)
    really(source, target)


def data():
    """Samples and labels, and samples that are held out.

    Batches are alike: Lightning may begin an epoch again with its first batch.
    """
    rng = np.random.default_rng(0)
    X = rng.normal(size=(36, 6)).astype(np.float32)
    return np.tile(X[:16], (N_STEPS, 1)), np.tile(np.arange(16) % 2, N_STEPS), X[16:]


def tracker_of(folder, layer, has_file, X=None):
    """Tracker that writes down which epochs this process has measured."""

    def log(numbers, epoch):
        with open(folder / "measured.txt", "a", encoding="utf-8") as file:
            file.write(f"{epoch}\n")
        death.at("written", epoch == LAST)

    path = folder / "run.csv" if has_file else None
    X = data()[2] if X is None else X
    measures = {"dse": (Deadly(), None)}
    return RepresentationTracker(measures, layer, X, path=path, log=log)


def network(torch):
    """Network of two layers."""
    torch.manual_seed(0)
    return torch.nn.Sequential(
        torch.nn.Linear(6, 5), torch.nn.Tanh(), torch.nn.Linear(5, 2)
    )


def with_lightning(folder, has_file, when="epoch"):
    import lightning.pytorch as L
    import torch

    from skdse.integrations.lightning import RepresentationCallback

    class Module(L.LightningModule):
        def __init__(self):
            super().__init__()
            self.network = network(torch)

        def forward(self, x):
            return self.network(x)

        def training_step(self, batch, index):
            death.at_step()
            return torch.nn.functional.cross_entropy(self(batch[0]), batch[1])

        def validation_step(self, batch, index):
            pass

        def configure_optimizers(self):
            return torch.optim.Adam(self.parameters(), lr=0.05)

    X, y, _ = data()
    dataset = torch.utils.data.TensorDataset(torch.tensor(X), torch.tensor(y))
    loader = torch.utils.data.DataLoader(dataset, 16)
    every = {
        "epoch": {},
        "validation": {"save_on_train_epoch_end": False},
        "last step": {"every_n_train_steps": N_STEPS},
        "step": {"every_n_train_steps": 2},
    }[when]
    saver = L.callbacks.ModelCheckpoint(folder / "saved", save_top_k=-1, **every)
    tracker = tracker_of(folder, "network.0", has_file)
    trainer = L.Trainer(
        max_epochs=N_EPOCHS,
        callbacks=[saver, RepresentationCallback(tracker)],
        accelerator="cpu",
        logger=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        default_root_dir=folder,
    )
    saved = sorted((folder / "saved").glob("*.ckpt"), key=os.path.getmtime)
    validates = loader if when == "validation" else None
    ckpt = saved[-1] if saved else None
    trainer.fit(Module(), loader, validates, ckpt_path=ckpt)
    return tracker


def with_transformers(folder, has_file, when="epoch"):
    import torch
    import transformers

    from skdse.integrations.transformers import RepresentationCallback

    class Steps(transformers.TrainerCallback):
        def on_step_begin(self, args, state, control, **kwargs):
            death.at_step()

    class Network(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.network = network(torch)
            self.dropout = torch.nn.Dropout(0.2)

        def forward(self, x, labels=None):
            scores = self.network(self.dropout(x))
            if labels is None:
                return scores
            return torch.nn.functional.cross_entropy(scores, labels), scores

    X, y, held_out = data()
    strategy, steps = {
        "epoch": ("epoch", 1),
        "last step": ("steps", N_STEPS),
        "step": ("steps", 2),
    }[when]
    args = transformers.TrainingArguments(
        output_dir=str(folder / "saved"),
        num_train_epochs=N_EPOCHS,
        per_device_train_batch_size=16,
        save_strategy=strategy,
        save_steps=steps,
        learning_rate=0.05,
        report_to=[],
        use_cpu=True,
        disable_tqdm=True,
        remove_unused_columns=False,
    )
    tracker = tracker_of(folder, "network.0", has_file, {"x": held_out})
    rows = [{"x": torch.tensor(a), "labels": int(b)} for a, b in zip(X, y, strict=True)]
    callbacks = [RepresentationCallback(tracker), Steps()]
    trainer = transformers.Trainer(
        Network(), args, train_dataset=rows, callbacks=callbacks
    )
    is_saved = any((folder / "saved").glob("checkpoint-*"))
    trainer.train(resume_from_checkpoint=is_saved)
    return tracker


def with_keras(folder, has_file, when="epoch"):
    import keras

    from skdse.integrations.keras import RepresentationCallback

    class Steps(keras.callbacks.Callback):
        def on_train_batch_begin(self, batch, logs=None):
            death.at_step()

    keras.utils.set_random_seed(0)
    layers = [keras.layers.Dense(5, "tanh", name="first"), keras.layers.Dense(2)]
    model = keras.Sequential([keras.Input((6,)), *layers])
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(keras.optimizers.SGD(0.5), loss)
    tracker = tracker_of(folder, "first", has_file)
    saver = keras.callbacks.BackupAndRestore(folder / "saved", delete_checkpoint=False)
    watcher = RepresentationCallback(tracker)
    callbacks = [saver, watcher] if when == "saver first" else [watcher, saver]
    model.fit(
        *data()[:2],
        16,
        N_EPOCHS,
        verbose=0,
        callbacks=[*callbacks, Steps()],
        shuffle=False,
    )
    return tracker


def with_skorch(folder, has_file, when="epoch"):
    import skorch
    import torch

    class Steps(skorch.callbacks.Callback):
        def on_batch_begin(self, net, **kwargs):
            death.at_step()

    tracker = tracker_of(folder, "0", has_file)
    saver = skorch.callbacks.Checkpoint(dirname=folder / "saved", monitor=None)
    loader = skorch.callbacks.LoadInitState(saver)
    callbacks = [("tracker", tracker), ("saver", saver), ("loader", loader)]
    if when == "saver first":
        callbacks = callbacks[::-1]
    net = skorch.NeuralNetClassifier(
        lambda: network(torch),
        criterion=torch.nn.CrossEntropyLoss,
        optimizer=torch.optim.Adam,
        lr=0.05,
        batch_size=16,
        train_split=None,
        verbose=0,
        callbacks=[*callbacks, ("steps", Steps())],
    )
    net.initialize()
    saved = folder / "saved" / "history.json"
    n_done = len(skorch.history.History.from_file(saved)) if saved.exists() else 0
    net.partial_fit(*data()[:2], epochs=N_EPOCHS - n_done)
    return dict(net.callbacks_)["tracker"]


def main(framework, folder, has_file, when, moment):
    """Train in a process of its own; write down the records if it comes to the end."""
    warnings.simplefilter("ignore")
    death.moment = moment
    os.replace = replace
    import torch

    torch.set_num_threads(1)
    with open(folder / "output.txt", "a", encoding="utf-8", buffering=1) as output:
        sys.stdout = sys.stderr = output
        tracker = globals()[f"with_{framework}"](folder, has_file, when)
        sys.stdout, sys.stderr = sys.__stdout__, sys.__stderr__
    keys = ("epoch", "layer", "n_samples", "dse", "settings")
    rows = [",".join(str(one[key]) for key in keys) for one in tracker.records_]
    (folder / "records.txt").write_text("\n".join(rows))
