"""Memory that RepresentationTracker takes beside the network that it looks at.

    python doc/benchmarks/tracker_memory.py

A network of twelve layers of 768 features looks at 50,000 samples that a DataLoader
gives, of which the tracker keeps and measures 5,000. The layers are such as take next
to no time. The largest resident memory of the process is read after an epoch of
training, again when activations have been taken, and again when the tracker has
measured. Needs Linux.
"""

import argparse
from pathlib import Path

import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

from skdse.probing import RepresentationTracker, layer_activations

# Those that a tracker has by default.
MEASURES = RepresentationTracker().measures


def peak():
    """Largest resident memory of this process so far [MB]."""
    status = Path("/proc/self/status").read_text(encoding="utf-8")
    (line,) = [one for one in status.splitlines() if one.startswith("VmHWM")]
    return int(line.split()[1]) * 1024 / 1e6


def main():
    """Print what the tracker takes, by itself and of that what it must keep."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--n-layers", type=int, default=12)
    parser.add_argument("--width", type=int, default=768)
    parser.add_argument("--n-samples", type=int, default=50_000)
    parser.add_argument("--max-samples", type=int, default=5_000)
    parser.add_argument("--measures", nargs="*", default=MEASURES)
    args = parser.parse_args()
    torch.manual_seed(0)
    layers = [nn.Tanh() for _ in range(args.n_layers)]
    model = nn.Sequential(*layers, nn.Linear(args.width, 10))
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    X = torch.randn(args.n_samples, args.width)
    y = torch.arange(args.n_samples) % 10
    loader = DataLoader(TensorDataset(X, y), batch_size=256)
    for samples, labels in loader:
        optimizer.zero_grad()
        nn.functional.cross_entropy(model(samples), labels).backward()
        optimizer.step()
    before = peak()
    layers, max_samples = [str(i) for i in range(args.n_layers)], args.max_samples
    layer_activations(
        model, loader, layers, max_samples=max_samples, keep_on_device=True
    )
    looked = peak()
    tracker = RepresentationTracker(
        args.measures, layers, loader, max_samples=max_samples
    )
    tracker(model, 0)
    kept = args.n_layers * args.width * min(max_samples, args.n_samples) * 4 / 1e6
    print(f"network alone: {before:.0f} MB")
    print(
        f"activations: {looked - before:.0f} MB more, of which {kept:.0f} MB are kept"
    )
    print(f"tracker: {peak() - before:.0f} MB more than the network alone")


if __name__ == "__main__":
    main()
