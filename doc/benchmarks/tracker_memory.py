"""Memory that RepresentationTracker takes beside the network that it looks at.

    python doc/benchmarks/tracker_memory.py

A network of twelve linear layers of 768 features looks at 50,000 samples that a
DataLoader gives, of which the tracker keeps and measures 5,000. The largest resident
memory of the process is read after the network alone has seen all samples, and again
after the tracker has measured two epochs. Needs Linux or macOS.
"""

import argparse
import resource
import sys

import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

from skdse.probing import RepresentationTracker

UNIT = 1 if sys.platform == "darwin" else 1024  # [bytes] of ru_maxrss


def peak():
    """Largest resident memory so far [MB]."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * UNIT / 1e6


def main():
    """Print what the tracker takes, by itself and of that what it must keep."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--n-layers", type=int, default=12)
    parser.add_argument("--width", type=int, default=768)
    parser.add_argument("--n-samples", type=int, default=50_000)
    parser.add_argument("--max-samples", type=int, default=5_000)
    parser.add_argument("--n-epochs", type=int, default=2)
    args = parser.parse_args()
    torch.manual_seed(0)
    parts = [
        nn.Sequential(nn.Linear(args.width, args.width), nn.ReLU())
        for _ in range(args.n_layers)
    ]
    model = nn.Sequential(*parts)
    X = torch.randn(args.n_samples, args.width)
    y = torch.arange(args.n_samples) % 10
    loader = DataLoader(TensorDataset(X, y), batch_size=256)
    with torch.no_grad():
        for samples, _ in loader:
            model(samples)
    before = peak()
    layers = [str(i) for i in range(args.n_layers)]
    tracker = RepresentationTracker(
        layers=layers, X=loader, max_samples=args.max_samples
    )
    for epoch in range(args.n_epochs):
        tracker(model, epoch)
    kept = args.n_layers * args.width * min(args.max_samples, args.n_samples) * 4 / 1e6
    print(f"network alone: {before:.0f} MB; with the tracker {peak():.0f} MB")
    print(f"tracker: {peak() - before:.0f} MB, of which it must keep {kept:.0f} MB")


if __name__ == "__main__":
    main()
