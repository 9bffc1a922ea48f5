"""Trainings of a framework in two processes, as torchrun starts them.

Run with the name of the framework and the path of a folder. Each job leaves there, for
each rank, its weights, random state, records and values, or the error that it met.
"""

import os
import sys
import time
import warnings
from pathlib import Path

import numpy as np
import torch
import torch.distributed.fsdp

from skdse import ShannonEntropy
from skdse.probing import RepresentationTracker

JOBS = ("plain", "tracked", "resumed", "failing")
# Jobs of one framework alone.
MORE = {"lightning": ("sharded", "sharded and tracked"), "transformers": ("loader",)}
RANK = int(os.environ.get("RANK", "0"))


class Slow(ShannonEntropy):
    """Takes long, while the other rank waits."""

    def fit(self, X, y=None):
        time.sleep(0.5)
        return super().fit(X, y)


class Network(torch.nn.Module):
    """Network that draws at random and counts what it has seen."""

    def __init__(self):
        super().__init__()
        self.first = torch.nn.Linear(6, 5)
        self.norm = torch.nn.BatchNorm1d(5)
        self.dropout = torch.nn.Dropout()
        self.head = torch.nn.Linear(5, 2)

    def forward(self, x, labels=None):
        scores = self.head(self.dropout(torch.tanh(self.norm(self.first(x)))))
        if labels is None:
            return scores
        return torch.nn.functional.cross_entropy(scores, labels), scores


def samples():
    """Samples and labels."""
    X = np.random.default_rng(0).normal(size=(48, 6)).astype(np.float32)
    return X, np.arange(48) % 2


def tracker_of(folder, job, layer, X):
    """Tracker of a job; "resumed" goes on with the file of "tracked"."""
    path = folder / ("run.csv" if job in ("tracked", "resumed") else f"{job}.csv")
    log = (lambda numbers, epoch: {}[epoch]) if job == "failing" else None
    return RepresentationTracker({"slow": Slow()}, layer, X, path=path, log=log)


def with_lightning(folder, job):
    """Train by Lightning; the network, the tracker and the values that were logged."""
    import lightning.pytorch as L

    from skdse.integrations.lightning import RepresentationCallback

    class Module(L.LightningModule):
        def __init__(self):
            super().__init__()
            self.network = Network()

        def configure_model(self):
            if job.startswith("sharded"):
                for one in (self.network.first, self.network.head, self.network):
                    torch.distributed.fsdp.fully_shard(
                        one, mesh=self.device_mesh["data_parallel"]
                    )

        def forward(self, x):
            return self.network(x)

        def training_step(self, batch, index):
            return self.network(*batch)[0]

        def configure_optimizers(self):
            return torch.optim.SGD(self.parameters(), lr=0.1)

    X, y = samples()
    L.seed_everything(0, verbose=False)
    dataset = torch.utils.data.TensorDataset(torch.tensor(X), torch.tensor(y))
    callbacks, tracker = [], None
    if job == "sharded and tracked":
        tracker = tracker_of(folder, job, "network.first", X[:20])
        callbacks = [RepresentationCallback(tracker)]
    elif job in ("tracked", "resumed", "failing"):
        tracker = tracker_of(folder, job, "network.first", X[:20])
        saver = L.callbacks.ModelCheckpoint(
            folder / "saved", filename="{epoch}", monitor="slow/network.first"
        )
        callbacks = [RepresentationCallback(tracker), saver]
    sharded = L.strategies.ModelParallelStrategy(2, 1)
    trainer = L.Trainer(
        strategy=sharded if job.startswith("sharded") else "ddp",
        accelerator="cpu",
        devices=2,
        max_epochs=3 if job == "resumed" else 2,
        callbacks=callbacks,
        logger=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        enable_checkpointing=len(callbacks) > 1,
        default_root_dir=folder,
    )
    module = Module()
    saved = sorted((folder / "saved").glob("*.ckpt"))
    loader = torch.utils.data.DataLoader(dataset, 8, shuffle=True)
    trainer.fit(module, loader, ckpt_path=saved[-1] if job == "resumed" else None)
    return module, tracker, {k: float(v) for k, v in trainer.callback_metrics.items()}


def with_transformers(folder, job):
    """Train by the Trainer; the network, the tracker and the values of its history."""
    import transformers

    from skdse.integrations.transformers import RepresentationCallback

    X, y = samples()
    transformers.set_seed(0)
    callbacks, tracker = [], None
    if job != "plain":
        held_out = None if job == "loader" else {"x": X[:20]}
        tracker = tracker_of(folder, job, "first", held_out)
        callbacks = [RepresentationCallback(tracker)]
    args = transformers.TrainingArguments(
        output_dir=str(folder / "saved"),
        num_train_epochs=3 if job == "resumed" else 2,
        per_device_train_batch_size=8,
        save_strategy="epoch" if job == "tracked" else "no",
        eval_strategy="epoch" if job == "loader" else "no",
        report_to=[],
        use_cpu=True,
        disable_tqdm=True,
        remove_unused_columns=False,
    )
    rows = [{"x": torch.tensor(a), "labels": int(b)} for a, b in zip(X, y, strict=True)]
    trainer = transformers.Trainer(
        Network(),
        args,
        train_dataset=rows,
        eval_dataset=rows[:20],
        callbacks=callbacks,
    )
    trainer.train(resume_from_checkpoint=job == "resumed")
    found = [one for one in trainer.state.log_history if "slow/first" in one]
    return trainer.model, tracker, {one["epoch"]: one["slow/first"] for one in found}


def main(framework, folder):
    warnings.simplefilter("ignore")
    torch.set_num_threads(1)
    folder = Path(folder)
    for job in (*JOBS, *MORE[framework]):
        try:
            found = globals()[f"with_{framework}"](folder, job)
        except KeyError as error:
            left = repr(error), getattr(error, "__notes__", [])
        else:
            module, tracker, values = found
            records = [] if tracker is None else tracker.records_
            weights = {
                name: one.full_tensor() if hasattr(one, "full_tensor") else one
                for name, one in module.state_dict().items()
            }
            left = weights, torch.get_rng_state(), records, values
        torch.save(left, folder / f"{job}-{RANK}.pt")
        torch.distributed.barrier()
    torch.distributed.destroy_process_group()


if __name__ == "__main__":
    main(*sys.argv[1:])
