"""
Lightning in ten lines
======================

A network that is trained with Lightning is measured, layer by layer, by one more
callback. :class:`~skdse.integrations.lightning.RepresentationCallback` looks at it
before the training and after each epoch, and logs what it sees.
"""

# %%
# A module for the digits
# -----------------------
#
# Nothing here is about skdse. Two hidden layers, and a head for the ten digits.

import logging
import warnings

import lightning
import torch
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

logging.getLogger("lightning.pytorch").setLevel(logging.ERROR)
warnings.filterwarnings("ignore", "The '.*_dataloader' does not have many workers")
warnings.filterwarnings("ignore", ".*isinstance.treespec, LeafSpec.. is deprecated")
lightning.seed_everything(0, verbose=False)
X, y = load_digits(return_X_y=True)
X_train, X_test, y_train, y_test = train_test_split(
    (X / 16).astype("float32"), y, test_size=0.25, stratify=y, random_state=0
)
data = TensorDataset(torch.from_numpy(X_train), torch.from_numpy(y_train))


class Digits(lightning.LightningModule):
    """64-64-32-10, with rectified layers."""

    def __init__(self):
        super().__init__()
        self.hidden1 = nn.Sequential(nn.Linear(64, 64), nn.ReLU())
        self.hidden2 = nn.Sequential(nn.Linear(64, 32), nn.ReLU())
        self.head = nn.Linear(32, 10)

    def forward(self, x):
        """Scores of the ten digits."""
        return self.head(self.hidden2(self.hidden1(x)))

    def training_step(self, batch, batch_idx):
        """Loss of a batch."""
        return nn.functional.cross_entropy(self(batch[0]), batch[1])

    def configure_optimizers(self):
        """Adam, as usual."""
        return torch.optim.Adam(self.parameters(), lr=3e-3)


# %%
# Ten lines
# ---------
#
# The tracker gets images that the network is not trained on, and their labels.

from skdse.integrations.lightning import RepresentationCallback
from skdse.probing import RepresentationTracker

tracker = RepresentationTracker(["dse", "dsmi_wide"], "hidden?", X_test, y_test)
trainer = lightning.Trainer(
    max_epochs=8,
    callbacks=[RepresentationCallback(tracker)],
    **{"logger": False, "enable_checkpointing": False},
    **{"enable_progress_bar": False, "enable_model_summary": False},
)
trainer.fit(Digits(), DataLoader(data, 64, shuffle=True))

# %%
# The numbers of the last epoch are among the metrics of Lightning, where its loggers,
# ``EarlyStopping`` and ``ModelCheckpoint`` find them.

for name, value in trainer.callback_metrics.items():
    if not name.endswith("std_error"):
        print(f"{name:14s} {value:.2f}")

# %%
# What happened in the layers
# ---------------------------
#
# In the first epoch the images of a digit come together: the entropy falls by one to
# two bits, while the mutual information with the labels grows, most in the second
# layer. The epochs after that change less.

import matplotlib.pyplot as plt

from skdse.plotting import TrainingDynamicsDisplay

display = TrainingDynamicsDisplay.from_frame(tracker.to_frame())
plt.show()

# %%
# The display gives the points that it drew as a table, here those of the two ends of
# the training.

table = display.frame()
table[table.epoch.isin([0, 8])].round(2)
