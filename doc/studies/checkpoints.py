"""Train the networks of the studies, and keep what they see of held-out images.

For each data set, regime, architecture and seed one file of the activations of the
layer before the output, at the start and after epochs, with accuracies. With the
convolution weights of the ResNet drawn from N(0, 0.01²) and N(0, 0.1²) besides. Files
that exist are not made again; the studies training_dynamics.py, initialisation.py and
across_models.py read them.

    python doc/studies/checkpoints.py --cache CACHE --data-home DATA
"""

import itertools
import time
from pathlib import Path

import common
import numpy as np
import torch
import vision

from skdse.datasets import corrupt_labels
from skdse.probing import layer_activations

REGIMES = ("supervised", "contrastive", "permuted")
# Training images, epochs, and every how many epochs there is a checkpoint.
SIZES = {
    "supervised": (2500, 16, 1),
    "contrastive": (1500, 16, 1),
    "permuted": (800, 48, 3),
}
QUICK = (256, 2, 1)
SCALES = (0.01, 0.1)  # standard deviation of convolution weights
SCALE_SIZE = (2500, 15, 1)


def path_of(cache, dataset, regime, architecture, seed):
    """File of one run."""
    return Path(cache) / f"{dataset}-{regime}-{architecture}-{seed}.npz"


def all_runs(datasets, n_seeds):
    """Yield (dataset, regime, architecture, seed), seed by seed."""
    for seed in range(1, n_seeds + 1):
        for dataset in datasets:
            yield from itertools.product(
                (dataset,), REGIMES, vision.ARCHITECTURES, (seed,)
            )
        for dataset, scale in itertools.product(datasets, SCALES):
            if dataset != "mnist":
                yield dataset, f"scale {scale:g}", "resnet", seed


def size_of(regime, quick):
    """Training images, epochs and stride of a regime."""
    return QUICK if quick else SIZES.get(regime, SCALE_SIZE)


def make_run(images, regime, architecture, seed, quick=False):
    """Train one network; arrays of its checkpoints."""
    n_train, n_epochs, stride = size_of(regime, quick)
    X, y = images.train[:n_train], images.y_train[:n_train]
    if regime == "permuted":
        y = corrupt_labels(y, 1.0, random_state=seed)
    contrastive = regime == "contrastive"
    torch.manual_seed(common.seed_of(images.name, regime, architecture, seed))
    net = vision.ARCHITECTURES[architecture](X.shape[1:], contrastive=contrastive)
    if regime.startswith("scale"):
        vision.scale_convolutions(net, float(regime.split()[1]))
    epochs = vision.train(net, X, y, n_epochs, seed, contrastive=contrastive)
    found = {"epoch": [], "Z": [], "train_accuracy": [], "accuracy": []}
    for epoch, train_accuracy in enumerate(epochs):
        if epoch % stride:
            continue
        layers = layer_activations(net, images.test, ["pool", "head"])
        right = layers["head"].argmax(axis=1) == images.y_test
        found["epoch"].append(epoch)
        found["Z"].append(layers["pool"])
        found["train_accuracy"].append(train_accuracy)
        found["accuracy"].append(np.nan if contrastive else right.mean())
    return {
        **{key: np.array(values) for key, values in found.items()},
        "n_parameters": vision.count_parameters(net),
    }


def make_all(options):
    """Train what is missing in the cache."""
    options.cache.mkdir(parents=True, exist_ok=True)
    torch.set_num_threads(1)
    start = time.perf_counter()
    n_test = 200 if options.quick else common.N_HELD_OUT
    loaded = {}
    for dataset, *run in all_runs(options.datasets, options.seeds):
        path = path_of(options.cache, dataset, *run)
        if path.exists():
            continue
        if dataset not in loaded:
            loaded[dataset] = common.load_images(
                dataset, options.data_home, n_test=n_test
            )
        arrays = make_run(loaded[dataset], *run, options.quick)
        np.savez(path.with_suffix(".tmp.npz"), **arrays)
        path.with_suffix(".tmp.npz").rename(path)
        common.say(start, f"{path.stem} accuracy {arrays['accuracy'][-1]:.3f}")


if __name__ == "__main__":
    make_all(common.parse(common.parser(__doc__, "seeds", "data-home", "cache")))
