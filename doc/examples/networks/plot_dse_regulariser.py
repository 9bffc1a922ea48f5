"""
Raise or lower the entropy of a layer
=====================================

:func:`skdse.differentiable.diffusion_spectral_entropy` has a gradient, so a loss
can raise or lower the diffusion spectral entropy (DSE) of a layer. Here three networks
learn the digits. The loss of the first is the cross-entropy alone; the loss of the
second also rewards entropy in the hidden layer; the loss of the third penalises it.
"""

# %%
# Three networks
# --------------
#
# The entropy is measured on each batch, in the precision and on the device of the
# layer. With ``normalize=True`` it is divided by the largest possible entropy of a
# batch of this size, so that the same weight fits any batch size.

import numpy as np
import torch
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from torch import nn

from skdse.differentiable import diffusion_spectral_entropy
from skdse.probing import RepresentationTracker

X, y = load_digits(return_X_y=True)
X = (X / 16).astype(np.float32)
X_train, X_test, y_train, y_test = train_test_split(
    X, y, test_size=0.5, stratify=y, random_state=0
)


def train(weight, n_epochs=30):
    """Train with weight × DSE of the hidden layer in the loss; its tracker."""
    torch.manual_seed(0)
    hidden = nn.Sequential(nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 32))
    model = nn.Sequential(hidden, nn.ReLU(), nn.Linear(32, 10))
    tracker = RepresentationTracker(["dse", "dsmi_wide"], "0", X_test, y_test)
    tracker(model, 0)
    data = torch.utils.data.TensorDataset(torch.tensor(X_train), torch.tensor(y_train))
    batches = torch.utils.data.DataLoader(data, 128, shuffle=True, drop_last=True)
    optimizer = torch.optim.Adam(model.parameters(), lr=2e-3)
    for epoch in range(1, n_epochs + 1):
        for inputs, labels in batches:
            Z = hidden(inputs)
            loss = nn.functional.cross_entropy(model[1:](Z), labels)
            if weight:
                entropy = diffusion_spectral_entropy(Z, normalize=True)
                loss = loss + weight * entropy
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        if epoch % 3 == 0:
            tracker(model, epoch)
    return model, tracker.to_frame()


WEIGHTS = {"raised (weight −1)": -1, "as it comes (0)": 0, "lowered (weight +½)": 0.5}
networks = {name: train(weight) for name, weight in WEIGHTS.items()}

# %%
# What became of the entropy
# --------------------------
#
# The three networks start with the same weights. They are measured on held-out images;
# the loss uses only training images.

import matplotlib.pyplot as plt

COLORS = dict(zip(WEIGHTS, ("#D55E00", "#555555", "#0072B2"), strict=True))
titles = {
    "dse": "DSE [bits]",
    "dsmi_wide": "DSMI wide [bits]",
    "accuracy": "test accuracy",
}
figure, axes = plt.subplots(1, 3, figsize=(9, 3.4), layout="constrained")
for axis, (column, title) in zip(axes, titles.items(), strict=True):
    for name, (_, frame) in networks.items():
        axis.plot(frame.epoch, frame[column], "o-", ms=3, c=COLORS[name], label=name)
    axis.set(title=title, xlabel="epoch")
    axis.spines[["top", "right"]].set_visible(False)
figure.legend(*axes[0].get_legend_handles_labels(), loc="outside lower center", ncols=3)
for name, (_, frame) in networks.items():
    last = frame.iloc[-1]
    print(f"{name:20s} DSE {last.dse:.2f} bits, accuracy {last.accuracy:.3f}")

# %%
# What it looks like
# ------------------
#
# DSE says how many states the samples fill, in bits. Principal components of the
# held-out images show the same: the lower the entropy of the hidden layer, the more of
# its variance is in the first few components.

from sklearn.decomposition import PCA

from skdse.probing import layer_activations

figure, axis = plt.subplots(figsize=(5, 3.2), layout="constrained")
for name, (model, _) in networks.items():
    Z = layer_activations(model, X_test, "0")["0"]
    shares = PCA(12).fit(Z).explained_variance_ratio_.cumsum()
    axis.plot(range(1, 13), shares, "o-", ms=3, c=COLORS[name], label=name)
axis.set(xlabel="principal components", ylabel="share of the variance", ylim=(0, 1.02))
axis.spines[["top", "right"]].set_visible(False)
axis.legend(frameon=False, loc="lower right")
