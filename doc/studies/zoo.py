"""A zoo of representations of MNIST and CIFAR-10, from noise to trained networks.

Every representation is one of the same held-out test images: 150 of each class are
measured and tell the accuracy of probes, 2500 others train the probes. Networks and
projections are fitted to training images. Each representation has a random global
scale.

    python doc/studies/zoo.py mnist --cache CACHE [--data-home DIR]
"""

import argparse
import sys
import time
import zlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from sklearn.decomposition import PCA
from sklearn.kernel_approximation import Nystroem, RBFSampler
from torch import nn

SHAPES = {"mnist": (1, 28, 28), "cifar10": (3, 32, 32)}
OPENML = {"mnist": ("mnist_784", 60_000), "cifar10": ("CIFAR_10", 50_000)}
PER_CLASS, N_PROBE = 150, 2500
# Training images and epochs with right labels, and with permuted ones: few enough
# images that a network can learn them by heart.
RIGHT = {"mnist": (6000, 10), "cifar10": (10_000, 12)}
PERMUTED = {"mnist": (2000, 30), "cifar10": (2000, 30)}
STAGES = (0.0, 0.02, 0.1, 0.3, 1.0)  # shares of the training
LOG_SCALE = 3.0  # global scales are 10**U(-3, 3)


@dataclass(frozen=True)
class Images:
    """Images as float32 of shape (n, channels, height, width), centred to unit scale.

    ``test`` holds the measured images first, then those that train the probes.
    """

    name: str
    train: np.ndarray
    y_train: np.ndarray
    test: np.ndarray
    y_test: np.ndarray


def load_images(name, data_home=None):
    """Load a data set and choose the held-out images."""
    X, y, X_test, y_test = _from_file(name, data_home) if data_home else _openml(name)
    rng = np.random.default_rng(0)
    rows = _held_out(y_test, rng)
    order = rng.permutation(len(X))[: max(RIGHT[name][0], 10_000)]
    X, X_test = (_as_images(part, name) for part in (X[order], X_test[rows]))
    center, scale = X.mean(), X.std()
    X, X_test = (((part - center) / scale) for part in (X, X_test))
    return Images(name, X, y[order], X_test, y_test[rows])


def _from_file(name, data_home):
    """Arrays of a file NAME.npz."""
    with np.load(Path(data_home) / f"{name}.npz") as file:
        parts = [file[key] for key in ("X_train", "y_train", "X_test", "y_test")]
    return [part.astype(int) if part.ndim == 1 else part for part in parts]


def _openml(name):
    """Arrays from OpenML."""
    from sklearn.datasets import fetch_openml

    title, n_train = OPENML[name]
    X, y = fetch_openml(title, version=1, return_X_y=True, as_frame=False)
    y = y.astype(int)
    if name == "cifar10":
        X = X.reshape(-1, 3, 32, 32).transpose(0, 2, 3, 1)
    return X[:n_train], y[:n_train], X[n_train:], y[n_train:]


def _held_out(y, rng):
    """Rows of the measured images, balanced, and of those that train the probes."""
    order = rng.permutation(len(y))
    measured = np.concatenate(
        [order[y[order] == label][:PER_CLASS] for label in np.unique(y)]
    )
    rest = order[~np.isin(order, measured)][:N_PROBE]
    return np.concatenate([rng.permutation(measured), rest])


def _as_images(X, name):
    """Pixels from 0 to 1, channels first."""
    X = X.astype(np.float32) / 255
    if name == "cifar10":
        X = X.transpose(0, 3, 1, 2)
    return np.ascontiguousarray(X).reshape(-1, *SHAPES[name])


# Representations that need no labels


def fixed_representations(images, quick=False):
    """Yield (family, name, Z) of pixels, projections, kernels, filters and noise."""
    train, test = (part.reshape(len(part), -1) for part in (images.train, images.test))
    n_components = 10 if quick else 300
    pca = PCA(n_components, random_state=0).fit(train[:6000])
    Z = pca.transform(test)
    spread = np.sqrt(pca.explained_variance_)
    yield "pixels", "pixels", test
    yield from _principal(Z, spread)
    if quick:
        return
    rng = np.random.default_rng(1)
    for d in (2, 10, 50, 200):
        projection = rng.normal(size=(test.shape[1], d)).astype(np.float32)
        yield "projection", f"random projection {d}", test @ projection
    yield from _kernels(train[:3000], test)
    yield from _convolutions(images)
    yield from _noisy(Z, spread, rng)


def _principal(Z, spread):
    """Principal components: the first, whitened, and later ones."""
    d_max = Z.shape[1]
    for d in (1, 2, 3, 5, 10, 20, 50, 100, 300):
        if d <= d_max:
            yield "pca", f"pca {d}", Z[:, :d]
    for d in (5, 20, 100, 300):
        if d <= d_max:
            yield "pca", f"whitened pca {d}", Z[:, :d] / spread[:d]
    for first, last in ((10, 30), (50, 100), (200, 300)):
        if last <= d_max:
            yield "pca", f"pca from {first} to {last}", Z[:, first:last]


def _kernels(train, test):
    """Random Fourier and Nyström features of Gaussian kernels of several widths."""
    pairs = np.random.default_rng(2).integers(len(train), size=(2, 2000))
    squares = np.square(train[pairs[0]] - train[pairs[1]]).sum(axis=1)
    gamma = 1 / np.median(squares)
    for factor in (0.1, 1, 10):
        kernel = RBFSampler(gamma=factor * gamma, n_components=500, random_state=0)
        name = f"Fourier features {factor:g}"
        yield "kernel", name, kernel.fit(train).transform(test)
    for factor, d in ((1, 50), (1, 300), (4, 300)):
        kernel = Nystroem(gamma=factor * gamma, n_components=d, random_state=0)
        name = f"Nyström {factor:g}, {d}"
        yield "kernel", name, kernel.fit(train).transform(test)


def _convolutions(images):
    """Random filters, rectified and pooled."""
    channels = images.test.shape[1]
    settings = ((16, 1), (64, 1), (256, 1), (16, 3), (64, 3), (32, 6))
    for seed, (n_filters, grid) in enumerate(settings):
        torch.manual_seed(seed)
        net = nn.Sequential(
            nn.Conv2d(channels, n_filters, 5, stride=2),
            nn.ReLU(),
            nn.AdaptiveAvgPool2d(grid),
            nn.Flatten(),
        )
        name = f"random filters {n_filters}, {grid}×{grid}"
        yield "random filters", name, _apply(net, images.test)


def _noisy(Z, spread, rng):
    """Noise alone, in all coordinates of components, and beside them."""
    for d in (2, 32, 512):
        yield "noise", f"noise {d}", rng.normal(size=(len(Z), d))
    for level in (0.3, 1, 3, 10):
        noise = level * spread[:50].mean() * rng.normal(size=(len(Z), 50))
        yield "noise", f"pca 50 and noise {level:g}", Z[:, :50] + noise
    for level, d in ((0.3, 50), (0.3, 500), (1, 500)):
        beside = level * spread[:20].mean() * rng.normal(size=(len(Z), d))
        name = f"pca 20 beside noise {level:g} in {d}"
        yield "noise", name, np.hstack([Z[:, :20], beside])


# Networks


class Network(nn.Module):
    """Stages of layers and a linear output; the stages' outputs are representations."""

    def __init__(self, stages):
        super().__init__()
        self.stages = nn.ModuleList(stages)
        self.output = nn.LazyLinear(10)

    def forward(self, X):
        """Logits."""
        return self.output(self.features(X)[-1])

    def features(self, X):
        """Output of each stage, feature maps averaged over their places."""
        outputs = []
        for stage in self.stages:
            X = stage(X)
            outputs.append(X.mean(dim=(2, 3)) if X.ndim == 4 else X)
        return outputs


def perceptron(shape, width):
    """Two hidden layers."""
    first = nn.Sequential(nn.Flatten(), nn.LazyLinear(4 * width), nn.ReLU())
    return Network([first, nn.Sequential(nn.LazyLinear(width), nn.ReLU())])


def convolutional(shape, width):
    """Three convolutions."""

    def block(n_filters, *pool):
        convolution = nn.LazyConv2d(n_filters, 3, padding=1, bias=False)
        return nn.Sequential(convolution, nn.LazyBatchNorm2d(), nn.ReLU(), *pool)

    first = block(width, nn.MaxPool2d(2))
    second = nn.Sequential(
        block(2 * width, nn.MaxPool2d(2)), block(4 * width, nn.AdaptiveAvgPool2d(1))
    )
    return Network([first, nn.Sequential(second, nn.Flatten())])


class Tokens(nn.Module):
    """Square patches as tokens, with learned places."""

    def __init__(self, shape, patch, width):
        super().__init__()
        n_tokens = (shape[1] // patch) * (shape[2] // patch)
        self.embed = nn.Conv2d(shape[0], width, patch, stride=patch)
        self.places = nn.Parameter(0.02 * torch.randn(n_tokens, width))

    def forward(self, X):
        """Tokens of images."""
        return self.embed(X).flatten(2).transpose(1, 2) + self.places


class Mean(nn.Module):
    """Mean over tokens."""

    def forward(self, X):
        """Mean of tokens."""
        return X.mean(dim=1)


def transformer(shape, width):
    """Three layers of attention over patches."""
    patch = 7 if shape[1] == 28 else 8
    layers = [
        nn.TransformerEncoderLayer(
            width, 4, 2 * width, dropout=0.0, batch_first=True, norm_first=True
        )
        for _ in range(3)
    ]
    tokens = Tokens(shape, patch, width)
    return Network([nn.Sequential(tokens, *layers, nn.LayerNorm(width), Mean())])


# (architecture, width, share of labels permuted)
NETWORKS = (
    (perceptron, 32, 0.0),
    (perceptron, 256, 0.0),
    (perceptron, 128, 0.5),
    (perceptron, 128, 1.0),
    (convolutional, 8, 0.0),
    (convolutional, 32, 0.0),
    (convolutional, 16, 0.5),
    (convolutional, 16, 1.0),
    (transformer, 32, 0.0),
    (transformer, 96, 0.0),
    (transformer, 64, 0.5),
    (transformer, 64, 1.0),
)


def network_representations(images, quick=False):
    """Yield (family, name, Z) of networks at several stages of their training."""
    for seed, (architecture, width, share) in enumerate(NETWORKS):
        if quick and (architecture is not perceptron or share):
            continue
        torch.manual_seed(seed)
        net = architecture(images.test.shape[1:], width)
        y = permute_labels(images.y_train, share, seed)
        n, epochs = (PERMUTED if share else RIGHT)[images.name]
        family = architecture.__name__
        for stage in train(net, images.train[:n], y[:n], 1 if quick else epochs, seed):
            labels = f", {100 * share:.0f} % permuted" if share else ""
            name = f"{family} {width}{labels}, at {stage:g}"
            *hidden, last = _apply(net.features, images.test)
            yield family, name, last
            if stage in STAGES[2::2] and hidden:
                yield family, name + ", hidden", hidden[0]


def permute_labels(y, share, seed):
    """Permute a share of the labels among themselves."""
    rng = np.random.default_rng(seed)
    rows = rng.permutation(len(y))[: round(share * len(y))]
    y = y.copy()
    y[rows] = y[rng.permutation(rows)]
    return y


def train(net, X, y, epochs, seed, batch=64):
    """Train with AdamW; yield at each of STAGES, the net ready to apply."""
    X, y = torch.as_tensor(X), torch.as_tensor(y)
    net.eval()(X[:2])  # lazy layers take shape
    optimizer = torch.optim.AdamW(net.parameters(), lr=1e-3)
    generator = torch.Generator().manual_seed(seed)
    n_batches = len(X) // batch
    stops = {max(round(share * epochs * n_batches), 0): share for share in STAGES}
    for step in range(epochs * n_batches + 1):
        if step in stops:
            net.eval()
            yield stops[step]
            net.train()
        if step % n_batches == 0:
            order = torch.randperm(len(X), generator=generator)
        rows = order[step % n_batches * batch :][:batch]
        optimizer.zero_grad()
        nn.functional.cross_entropy(net(X[rows]), y[rows]).backward()
        optimizer.step()


def _apply(function, X, batch=500):
    """Apply to batches without gradients; arrays, or a list of one for each stage."""
    with torch.no_grad():
        parts = [
            function(torch.as_tensor(X[start : start + batch]))
            for start in range(0, len(X), batch)
        ]
    if isinstance(parts[0], list):
        return [torch.cat(outputs).numpy() for outputs in zip(*parts, strict=True)]
    return torch.cat(parts).numpy()


# The zoo on disk


def global_scale(name):
    """Random scale of a representation, by its name."""
    rng = np.random.default_rng(zlib.crc32(name.encode()))
    return 10 ** rng.uniform(-LOG_SCALE, LOG_SCALE)


def make_zoo(images, folder, quick=False):
    """Write each representation of images to a file of its own."""
    makers = (fixed_representations, network_representations)
    found = (one for maker in makers for one in maker(images, quick))
    write_zoo(images.name, images.y_test, found, folder)


def unless_missing(make, name, *args):
    """Make a zoo; say so and go on where a package that it needs is missing."""
    try:
        make(name, *args)
    except ImportError as error:
        print(
            f"{name} is left out: {error}; its script says what to install",
            file=sys.stderr,
        )


def write_zoo(title, y, representations, folder):
    """Write labels, and each (family, name, Z) to a file of its own."""
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    np.savez(folder / "labels.npz", y=y)
    start = time.perf_counter()
    for family, name, Z in representations:
        key = f"{title}: {name}"
        Z = (global_scale(key) * Z).astype(np.float32)
        np.savez(folder / f"{name}.npz", Z=Z, family=family)
        seconds = time.perf_counter() - start
        print(f"{seconds:6.0f} s {key} {Z.shape}", file=sys.stderr, flush=True)
    (folder / "complete").touch()


def read_zoo(folder):
    """Yield (family, name, Z) of the representations on disk."""
    for path in sorted(Path(folder).glob("*.npz")):
        if path.stem != "labels":
            with np.load(path) as file:
                yield str(file["family"]), path.stem, file["Z"]


def read_labels(folder):
    """Labels of the held-out images."""
    with np.load(Path(folder) / "labels.npz") as file:
        return file["y"]


def main():
    """Make the zoo of one data set."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("dataset", choices=sorted(SHAPES))
    parser.add_argument("--data-home", help="folder with NAME.npz, else OpenML's")
    parser.add_argument("--cache", required=True, help="folder for the zoo")
    parser.add_argument("--quick", action="store_true", help="a few representations")
    options = parser.parse_args()
    images = load_images(options.dataset, options.data_home)
    make_zoo(images, Path(options.cache) / options.dataset, options.quick)


if __name__ == "__main__":
    main()
