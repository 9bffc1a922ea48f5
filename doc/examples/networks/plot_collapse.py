"""
A collapse, caught
==================

A contrastive network shall give two noisy copies of an image the same features, and
different images different ones. Without the second part of the loss, one point for all
images is a perfect solution: the representation collapses, while the loss looks better
every epoch. :class:`~skdse.probing.RepresentationTracker` with ``on_collapse="raise"``
stops such a run.
"""

# %%
# Two losses
# ----------
#
# The first loss is that of SimCLR: of all images in a batch, find the other copy of
# each. The second only brings the two copies together.

import numpy as np
import torch
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from torch import nn

X, y = load_digits(return_X_y=True)
X = (X / 16).astype(np.float32)
X_train, X_test, y_train, y_test = train_test_split(
    X, y, test_size=0.3, stratify=y, random_state=0
)


def noisy(images):
    """Copy of images with noise, and a fifth of the pixels black."""
    return (images + 0.3 * torch.randn_like(images)) * (torch.rand_like(images) > 0.2)


def contrast(first, second):
    """Find the other copy of each image among all; the loss of SimCLR."""
    Z = nn.functional.normalize(torch.cat([first, second]), dim=1)
    similarities = (Z @ Z.T / 0.2).fill_diagonal_(-torch.inf)
    partners = torch.arange(len(Z)).roll(len(first))
    return nn.functional.cross_entropy(similarities, partners)


def attract(first, second):
    """Bring the copies together, and nothing else."""
    return (1 - nn.functional.cosine_similarity(first, second)).mean()


# %%
# Two runs
# --------
#
# The tracker is called before the training, so that it knows the start. It raises when
# the effective rank or the spread of the features falls under a tenth of that.

from skdse.probing import CollapseError, RepresentationTracker


def train(loss, on_collapse, n_epochs=24):
    """Train an encoder; the encoder, its tracker, the losses and the error, if any."""
    torch.manual_seed(0)
    encoder = nn.Sequential(
        *(nn.Linear(64, 128), nn.ReLU(), nn.Linear(128, 128), nn.ReLU()),
        nn.Linear(128, 32),
    )
    tracker = RepresentationTracker(
        "dsmi_wide", "4", X_test, y_test, on_collapse=on_collapse
    )
    tracker(encoder, 0)
    optimizer = torch.optim.Adam(encoder.parameters(), lr=1e-3)
    batches = torch.utils.data.DataLoader(torch.tensor(X_train), 128, shuffle=True)
    losses = []
    for epoch in range(1, n_epochs + 1):
        total = 0.0
        for images in batches:
            value = loss(encoder(noisy(images)), encoder(noisy(images)))
            optimizer.zero_grad()
            value.backward()
            optimizer.step()
            total += value.item() / len(batches)
        losses.append(total)
        try:
            tracker(encoder, epoch)
        except CollapseError as error:
            print(f"stopped: {error}")
            break
    return encoder, tracker, losses


print("SimCLR")
healthy = train(contrast, "raise")
print("attraction alone")
caught = train(attract, "raise")

# %%
# What would have come after
# --------------------------
#
# The same run once more, without stopping: a callable gets the collapses, and here only
# notes them.

noted = []
ruined = train(attract, noted.extend)
for one in noted:
    print(one)

# %%
# The loss of the collapsing run falls and falls: nothing there is alarming. The
# features lose three quarters of their spread in the first epochs, and nine tenths of
# their effective rank by the epoch at which the run is caught. Their information about
# the digits, DSMI, goes down more slowly.

import matplotlib.pyplot as plt

runs = {"SimCLR": (healthy, "#0072B2"), "attraction alone": (ruined, "#D55E00")}
titles = {
    "loss": "loss / first loss",
    "feature_spread": "spread / start",
    "feature_rank": "effective rank / start",
    "dsmi_wide": "DSMI wide [bits]",
}
stop = noted[0].epoch
figure, axes = plt.subplots(1, 4, figsize=(11, 3.2), layout="constrained")
for axis, (column, title) in zip(axes, titles.items(), strict=True):
    for name, ((_, tracker, losses), color) in runs.items():
        values = losses if column == "loss" else tracker.to_frame()[column].to_numpy()
        values = values if column == "dsmi_wide" else np.divide(values, values[0])
        epochs = np.arange(len(values)) + (column == "loss")
        axis.plot(epochs, values, c=color, label=name)
    axis.axvline(stop, c="#555555", lw=1, ls=":", label="caught")
    if column != "dsmi_wide":
        axis.set_yscale("log")
    if column.startswith("feature"):
        axis.axhline(0.1, c="#555555", lw=1, label="a tenth of the start")
    axis.set(title=title, xlabel="epoch")
    axis.spines[["top", "right"]].set_visible(False)
figure.legend(*axes[1].get_legend_handles_labels(), loc="outside lower center", ncols=4)

# %%
# What it looks like
# ------------------
#
# The features of held-out images, scaled to length 1, on their first two principal
# components, on the same axes; a colour for each digit. SimCLR spreads the images and
# brings those of a digit together. Without contrast, all are in one place.

from sklearn.decomposition import PCA
from sklearn.preprocessing import normalize

from skdse.probing import layer_activations

panels = {
    "SimCLR": healthy,
    f"attraction, caught at epoch {stop}": caught,
    "attraction, epoch 24": ruined,
}
figure, axes = plt.subplots(
    1, 3, figsize=(9, 3.3), layout="constrained", sharex=True, sharey=True
)
for axis, (name, (encoder, *_)) in zip(axes, panels.items(), strict=True):
    Z = PCA(2).fit_transform(normalize(layer_activations(encoder, X_test, "4")["4"]))
    axis.scatter(*Z.T, c=y_test, cmap="tab10", s=6)
    axis.set(title=name, xticks=[], yticks=[], aspect="equal")
