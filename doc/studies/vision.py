"""Small networks for images, and three ways to train them.

"supervised" on labels, "permuted" on permuted labels of images few enough to be learnt
by heart, "contrastive" without labels (SimCLR: Chen et al. 2020). Each yields after
every epoch; the measured layer is "pool", the one before the output.
"""

import numpy as np
import torch
from torch import nn
from torch.nn import functional

TEMPERATURE = 0.5  # of SimCLR's loss


class Block(nn.Module):
    """Two convolutions beside a shortcut."""

    def __init__(self, n_in, n_out, stride):
        super().__init__()
        self.body = nn.Sequential(
            nn.Conv2d(n_in, n_out, 3, stride, padding=1, bias=False),
            nn.BatchNorm2d(n_out),
            nn.ReLU(),
            nn.Conv2d(n_out, n_out, 3, padding=1, bias=False),
            nn.BatchNorm2d(n_out),
        )
        self.shortcut = nn.Identity()
        if stride > 1 or n_in != n_out:
            self.shortcut = nn.Conv2d(n_in, n_out, 1, stride, bias=False)

    def forward(self, X):
        """Sum of both, rectified."""
        return torch.relu(self.body(X) + self.shortcut(X))


class Pool(nn.Module):
    """Mean over positions of maps, or over tokens."""

    def forward(self, X):
        """Mean of all but samples and features."""
        return X.mean(dim=(2, 3)) if X.ndim == 4 else X.mean(dim=1)


class Network(nn.Module):
    """A body, the measured layer "pool" and a head."""

    def __init__(self, body, n_features, n_outputs=10, head=None):
        super().__init__()
        self.body = body
        self.pool = Pool()
        self.head = head or nn.Linear(n_features, n_outputs)

    def forward(self, X):
        """Logits, or the projection of SimCLR."""
        return self.head(self.pool(self.body(X)))


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


def resnet(shape, width=16, contrastive=False):
    """Residual network of seven convolutions, the first one with stride 2."""
    stem = nn.Sequential(
        nn.Conv2d(shape[0], width, 3, stride=2, padding=1, bias=False),
        nn.BatchNorm2d(width),
        nn.ReLU(),
    )
    body = nn.Sequential(
        stem,
        Block(width, width, 1),
        Block(width, 2 * width, 2),
        Block(2 * width, 4 * width, 2),
    )
    return _with_head(body, 4 * width, contrastive)


def vit(shape, width=64, contrastive=False):
    """Vision transformer of three layers on 4 × 4 patches."""
    layers = [
        nn.TransformerEncoderLayer(
            width, 4, 2 * width, dropout=0.0, batch_first=True, norm_first=True
        )
        for _ in range(3)
    ]
    body = nn.Sequential(
        Tokens(shape, shape[1] // 4, width), *layers, nn.LayerNorm(width)
    )
    return _with_head(body, width, contrastive)


def _with_head(body, n_features, contrastive):
    """Network with the head of its way to train."""
    if not contrastive:
        return Network(body, n_features)
    head = nn.Sequential(
        nn.Linear(n_features, n_features), nn.ReLU(), nn.Linear(n_features, 32)
    )
    return Network(body, n_features, head=head)


ARCHITECTURES = {"resnet": resnet, "vit": vit}


def count_parameters(net):
    """Number of trained parameters."""
    return sum(one.numel() for one in net.parameters())


def scale_convolutions(net, std):
    """Draw all convolution weights from N(0, std²)."""
    for module in net.modules():
        if isinstance(module, nn.Conv2d):
            nn.init.normal_(module.weight, std=std)


# Training


def train(net, X, y, n_epochs, seed, *, contrastive=False, lr=1e-3, batch=64):
    """Train with AdamW; yield the training accuracy at the start and after each epoch.

    The learning rate follows a cosine after one epoch of warm-up. In an epoch each
    image is seen once; what does not fill a batch is left out.
    """
    X, y = torch.as_tensor(X), torch.as_tensor(y)
    optimizer = torch.optim.AdamW(net.parameters(), lr=lr)
    n_batches = len(X) // batch
    schedule = torch.optim.lr_scheduler.LambdaLR(
        optimizer, _warm_cosine(n_batches, n_epochs)
    )
    generator = torch.Generator().manual_seed(seed)
    step = contrastive_loss if contrastive else supervised_loss
    yield np.nan
    for _ in range(n_epochs):
        order = torch.randperm(len(X), generator=generator)
        net.train()
        right = 0.0
        for rows in order.split(batch)[:n_batches]:
            loss, n_right = step(net, X[rows], y[rows], generator)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()
            right += n_right
        yield right / (n_batches * batch)


def _warm_cosine(n_batches, n_epochs):
    """Factor of the learning rate by step."""
    total = n_batches * n_epochs

    def factor(step):
        if step < n_batches:
            return (step + 1) / n_batches
        share = (step - n_batches) / max(1, total - n_batches)
        return 0.5 * (1 + np.cos(np.pi * share))

    return factor


def supervised_loss(net, X, y, generator):
    """Cross-entropy, and how many were right."""
    logits = net(X)
    right = (logits.argmax(dim=1) == y).sum().item()
    return functional.cross_entropy(logits, y), right


def contrastive_loss(net, X, y, generator):
    """SimCLR's loss of two views of each image: the other view among all others."""
    views = torch.cat([augment(X, generator) for _ in range(2)])
    Z = functional.normalize(net(views))
    similarity = Z @ Z.T / TEMPERATURE
    similarity.fill_diagonal_(-torch.inf)
    other = torch.arange(len(Z)).roll(len(X))
    return functional.cross_entropy(similarity, other), np.nan


def augment(X, generator):
    """Random crop, contrast, brightness; of colour images also flip and balance."""
    n, n_channels = X.shape[:2]

    def uniform(low, high, *shape):
        return low + (high - low) * torch.rand(n, *shape, generator=generator)

    zoom = uniform(0.5, 1.0)
    theta = torch.zeros(n, 2, 3)
    theta[:, 0, 0] = theta[:, 1, 1] = zoom
    if n_channels == 3:
        theta[:, 0, 0] *= torch.where(uniform(0, 1) < 0.5, -1.0, 1.0)
    theta[:, :, 2] = uniform(-1, 1, 2) * (1 - zoom)[:, None]
    grid = functional.affine_grid(theta, X.shape, align_corners=False)
    X = functional.grid_sample(X, grid, align_corners=False, padding_mode="border")
    X = X * uniform(0.6, 1.4, 1, 1, 1) + uniform(-0.4, 0.4, 1, 1, 1)
    if n_channels == 3:
        X = X * uniform(0.8, 1.2, 3, 1, 1)
        gray = X.mean(dim=1, keepdim=True).expand_as(X)
        X = torch.where(uniform(0, 1, 1, 1, 1) < 0.2, gray, X)
    return X
