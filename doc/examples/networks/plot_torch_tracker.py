"""
Layers of a network while it trains
===================================

After each epoch, the network gets the same held-out images, and
:class:`~skdse.probing.RepresentationTracker` measures each layer: its diffusion
spectral entropy (DSE), and its mutual information (DSMI) with the labels and with the
input. This PyTorch network is trained by skorch first, and then by a loop of our own.
"""

# %%
# A network for the digits
# ------------------------
#
# The network has three hidden layers with names, so that we can choose them by name.
# Three quarters of the images train the network; the others are used for the measures.

import numpy as np
import torch
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from skorch import NeuralNetClassifier
from torch import nn

torch.manual_seed(0)
X, y = load_digits(return_X_y=True)
X = (X / 16).astype(np.float32)
X_train, X_test, y_train, y_test = train_test_split(
    X, y, test_size=0.25, stratify=y, random_state=0
)


class Perceptron(nn.Module):
    """64-64-32-16-10, with rectified layers."""

    def __init__(self):
        super().__init__()
        self.layer1 = nn.Sequential(nn.Linear(64, 64), nn.ReLU())
        self.layer2 = nn.Sequential(nn.Linear(64, 32), nn.ReLU())
        self.layer3 = nn.Sequential(nn.Linear(32, 16), nn.ReLU())
        self.head = nn.Linear(16, 10)

    def forward(self, x):
        """Scores of the ten digits."""
        return self.head(self.layer3(self.layer2(self.layer1(x))))


# %%
# The tracker as a callback
# -------------------------
#
# skorch calls the tracker before the first epoch and after each epoch. ``"layer?"`` is
# a pattern for names; a list of names works too. For DSMI(Z;X), the input is clustered
# once.

from skdse.probing import RepresentationTracker

measures = ["dse", "dsmi_wide", "dsmi_input"]
tracker = RepresentationTracker(measures, "layer?", X_test, y_test, run="skorch")
net = NeuralNetClassifier(
    Perceptron,
    criterion=nn.CrossEntropyLoss,
    optimizer=torch.optim.Adam,
    lr=2e-3,
    max_epochs=10,
    batch_size=64,
    train_split=None,
    callbacks=[("tracker", tracker)],
    verbose=0,
)
_ = net.fit(X_train, y_train)

# %%
# The records form a table with a row for each epoch and layer. With ``path="run.csv"``
# the tracker also writes the table to a file after each epoch, and continues the table
# after an interruption.

frame = tracker.to_frame()
columns = ["epoch", "layer", "n_features", *measures, "accuracy"]
frame[columns].tail(3).round(2)

# %%
# What happens in the layers
# --------------------------
#
# In each layer the mutual information with the labels grows, most in the last layers.
# The entropy falls in the first epochs, because the images of a digit move together.

import matplotlib.pyplot as plt

COLORS = {"layer1": "#0072B2", "layer2": "#D55E00", "layer3": "#009E73"}


def plot_layers(frame):
    """One panel for each measure, one line for each layer."""
    titles = ["DSE", "DSMI wide: labels", "DSMI wide: inputs"]
    _, axes = plt.subplots(1, 3, figsize=(9, 3.2), layout="constrained")
    for axis, measure, title in zip(axes, measures, titles, strict=True):
        for layer, rows in frame.groupby("layer"):
            axis.plot(
                *(rows.epoch, rows[measure]), "o-", ms=3, c=COLORS[layer], label=layer
            )
        axis.set(title=title, xlabel="epoch")
        axis.spines[["top", "right"]].set_visible(False)
    axes[1].sharey(axes[2])  # one is read against the other
    axes[0].set_ylabel("bits")
    axes[0].legend(frameon=False)


plot_layers(frame)
accuracy = frame.groupby("epoch").accuracy.first()
print(
    f"test accuracy: {accuracy.iloc[0]:.2f} at first, {accuracy.iloc[-1]:.2f} at last"
)

# %%
# Your own training loop
# ----------------------
#
# Without skorch, call the tracker with the module. The module runs in evaluation mode
# and without gradients, and is put back as it was, so that training does not change.

torch.manual_seed(0)
module = Perceptron()
optimizer = torch.optim.Adam(module.parameters(), lr=2e-3)
tracker = RepresentationTracker("dsmi_wide", "layer?", X_test, y_test, run="loop")
data = torch.utils.data.TensorDataset(torch.tensor(X_train), torch.tensor(y_train))
for epoch in range(1, 4):
    for inputs, labels in torch.utils.data.DataLoader(data, 64, shuffle=True):
        optimizer.zero_grad()
        nn.functional.cross_entropy(module(inputs), labels).backward()
        optimizer.step()
    records = tracker(module, epoch)
    values = ", ".join(f"{one['layer']} {one['dsmi_wide']:.2f}" for one in records)
    print(f"epoch {epoch}: DSMI wide [bits]: {values}")

# %%
# What it costs
# -------------
#
# Each record says how long it took.

share = frame.groupby("epoch").seconds.sum().median()
print(f"{share:.2f} s an epoch for {len(X_test)} images and three layers")
