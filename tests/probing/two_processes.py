"""Two processes that train one network together, with and without the tracker.

Run with the path of a folder, the number of the process, the wrapper, and whether the
training is tracked.
"""

import os
import sys
import time
from pathlib import Path

import numpy as np
import torch

from skdse import ShannonEntropy
from skdse.probing import RepresentationTracker

nn, dist = torch.nn, torch.distributed


class Slow(ShannonEntropy):
    """Takes long, while the other process trains on."""

    def fit(self, X, y=None):
        time.sleep(0.5)
        return super().fit(X, y)


def wrapped(model, wrapper):
    """Network as it is trained."""
    if wrapper == "ddp":
        return nn.parallel.DistributedDataParallel(model)
    if wrapper == "ddp of compiled":
        compiled = torch.compile(model, backend="eager")
        return nn.parallel.DistributedDataParallel(compiled)
    from torch.distributed.fsdp import fully_shard

    mesh = dist.init_device_mesh("cpu", (2,))
    for layer in (model[0], model[4]):
        fully_shard(layer, mesh=mesh)
    return fully_shard(model, mesh=mesh)


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


def main(folder, rank, wrapper, is_tracked):
    folder, rank = Path(folder), int(rank)
    torch.set_num_threads(1)
    dist.init_process_group(
        "gloo", init_method=f"file://{folder}/meet", rank=rank, world_size=2
    )
    torch.manual_seed(0)
    model = nn.Sequential(
        nn.Linear(6, 8),
        nn.BatchNorm1d(8),
        nn.ReLU(),
        nn.Dropout(),
        nn.Linear(8, 3),
    )
    model = wrapped(model, wrapper)
    X = np.random.default_rng(7).normal(size=(20, 6)).astype(np.float32)
    y = np.arange(20) % 3
    tracker = None
    if is_tracked == "yes":
        tracker = RepresentationTracker(
            {"slow": Slow()}, ["0", "4"], X, y, path=folder / "run.csv"
        )
    train(model, tracker, rank)
    full = {
        name: one.full_tensor() if hasattr(one, "full_tensor") else one
        for name, one in model.state_dict().items()
    }
    records = [] if tracker is None else tracker.records_
    torch.save((full, torch.get_rng_state(), len(records)), folder / f"{rank}.pt")
    dist.barrier()
    dist.destroy_process_group()


if __name__ == "__main__":
    os.environ.setdefault("GLOO_SOCKET_IFNAME", "lo")
    main(*sys.argv[1:])
