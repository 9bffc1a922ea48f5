"""Two processes that train one network together, with and without the tracker.

Run with the path of a folder and the number of the process. What a job leaves is in a
file of its folder.
"""

import os
import sys
import time
from pathlib import Path

import numpy as np
import torch
import torch.distributed.fsdp

from skdse import ShannonEntropy
from skdse.probing import RepresentationTracker

nn, dist = torch.nn, torch.distributed

# How the network is wrapped, and whether the training is tracked, or what of it fails.
WRAPPERS = ("ddp", "ddp of compiled", "fsdp 1", "fsdp 2")
FAILING = ("collapse", "measure", "log", "write", "begin")
JOBS = [
    *((wrapper, task) for wrapper in WRAPPERS for task in ("plain", "tracked")),
    *(("ddp", task) for task in FAILING),
]


def folder_of(folder, wrapper, task):
    """Folder of a job."""
    return Path(folder) / f"{wrapper}, {task}"


class Slow(ShannonEntropy):
    """Takes long, while the other process trains on."""

    def fit(self, X, y=None):
        time.sleep(0.5)
        return super().fit(X, y)


class Failing(ShannonEntropy):
    """Fails, as out of memory."""

    def fit(self, X, y=None):
        raise Unspeakable(X)


class Unspeakable(Exception):
    """Error that cannot be sent to another process."""

    def __init__(self, X):
        super().__init__("no memory")
        self.reason = lambda: X


def wrapped(model, wrapper):
    """Network as it is trained."""
    if wrapper == "ddp":
        return nn.parallel.DistributedDataParallel(model)
    if wrapper == "ddp of compiled":
        compiled = torch.compile(model, backend="eager")
        return nn.parallel.DistributedDataParallel(compiled)
    if wrapper == "fsdp 1":
        cpu = torch.device("cpu")
        model[0] = dist.fsdp.FullyShardedDataParallel(model[0], device_id=cpu)
        return dist.fsdp.FullyShardedDataParallel(model, device_id=cpu)
    mesh = dist.init_device_mesh("cpu", (2,))
    for layer in (model[0], model[4]):
        dist.fsdp.fully_shard(layer, mesh=mesh)
    return dist.fsdp.fully_shard(model, mesh=mesh)


def train(model, tracker, rank):
    """Train for three epochs on samples of this process."""
    rng = np.random.default_rng(rank)
    X = torch.from_numpy(rng.normal(size=(64, 6)).astype(np.float32))
    y = torch.from_numpy(rng.integers(0, 3, 64))
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    for epoch in range(3):
        for rows in torch.randperm(64).split(16):
            optimizer.zero_grad()
            nn.functional.cross_entropy(model(X[rows]), y[rows]).backward()
            optimizer.step()
        if tracker is not None:
            tracker(model, epoch)


def tracker_of(folder, task):
    """Tracker that does its work, or fails at some point of it."""
    X = np.random.default_rng(7).normal(size=(20, 6)).astype(np.float32)
    y = np.arange(20) % 3
    params = {"path": folder / "run.csv"}
    measure = Failing() if task == "measure" else Slow()
    if task == "collapse":
        params |= {"on_collapse": "raise"}
    elif task == "write":
        params |= {"path": folder / "missing" / "run.csv"}
    elif task == "log":
        params |= {"log": lambda numbers, epoch: {}[epoch]}
    elif task == "begin" and dist.get_rank() == 1:  # fails in another process
        params |= {"run": 1}
    return RepresentationTracker({"slow": measure}, ["0", "4"], X, y, **params)


def fail(model, tracker, folder, rank):
    """Write down the error that this process meets, and live on."""
    try:
        tracker(model, 0)
        with torch.no_grad():
            for one in model.parameters():
                one.zero_()
        tracker(model, 1)
        found = None
    except Exception as error:
        notes = getattr(error, "__notes__", [])
        found = f"{type(error).__name__}: {error} {' '.join(notes)}"
    torch.save(found, folder / f"{rank}.pt")
    dist.barrier()  # nothing is left of the look that would disturb


def work(folder, rank, wrapper, task):
    """Do a job."""
    torch.manual_seed(0)
    model = nn.Sequential(
        nn.Linear(6, 8),
        nn.BatchNorm1d(8),
        nn.ReLU(),
        nn.Dropout(),
        nn.Linear(8, 3),
    )
    model = wrapped(model, wrapper)
    tracker = None if task == "plain" else tracker_of(folder, task)
    if task in FAILING:
        fail(model, tracker, folder, rank)
        return
    train(model, tracker, rank)
    n_records = 0 if tracker is None else len(tracker.records_)
    left = weights(model), torch.get_rng_state(), n_records
    torch.save(left, folder / f"{rank}.pt")


def main(folder, rank):
    torch.set_num_threads(1)
    rank = int(rank)
    dist.init_process_group(
        "gloo", init_method=f"file://{folder}/meet", rank=rank, world_size=2
    )
    for wrapper, task in JOBS:
        if wrapper == "fsdp 2" and not hasattr(dist.fsdp, "fully_shard"):
            continue
        own = folder_of(folder, wrapper, task)
        own.mkdir(exist_ok=True)
        dist.barrier()
        work(own, rank, wrapper, task)
    dist.barrier()
    dist.destroy_process_group()


def weights(model):
    """All weights and buffers by name, those of other processes as well."""
    if hasattr(model, "summon_full_params"):
        with model.summon_full_params(model):
            return {name: one.clone() for name, one in model.state_dict().items()}
    return {
        name: one.full_tensor() if hasattr(one, "full_tensor") else one
        for name, one in model.state_dict().items()
    }


if __name__ == "__main__":
    os.environ.setdefault("GLOO_SOCKET_IFNAME", "lo")
    main(*sys.argv[1:])
