"""
Training with right and with permuted labels
============================================

A network can memorise labels that mean nothing. Its representation of other samples
shows whether it learned or memorised.
"""

# %%
# Networks are trained with the right labels and with permuted labels, with three seeds
# each. After some of the epochs the hidden layer is measured on samples that were not
# trained on, always with their right labels.

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from sklearn.neural_network import MLPClassifier

from skdse import DiffusionSpectralEntropy, DiffusionSpectralMI
from skdse.plotting import TrainingDynamicsDisplay

X, y = load_digits(return_X_y=True)
X_train, X_test, y_train, y_test = train_test_split(
    X / 16, y, test_size=400, stratify=y, random_state=0
)


def hidden_layer(mlp, X):
    """Activations of the only hidden layer."""
    return np.maximum(X @ mlp.coefs_[0] + mlp.intercepts_[0], 0)


# The form of DSMI that follows a network: at twice the bandwidth.
WIDE = DiffusionSpectralMI(
    DiffusionSpectralEntropy(
        bandwidth="adaptive", metric="sqeuclidean", bandwidth_scale=2
    ),
    random_state=0,
)


def measure(mlp, labels):
    """Measures of the held-out samples, and the accuracy on both sets."""
    Z = hidden_layer(mlp, X_test)
    return {
        "dse": DiffusionSpectralEntropy(random_state=0).fit(Z).entropy_,
        "dsmi_wide": WIDE.fit(Z, y_test).mutual_info_,
        "training accuracy": mlp.score(X_train, labels),
        "accuracy": mlp.score(X_test, y_test),
    }


# %%
# The display takes a list of records, or a DataFrame.

LOOK_AT = {1, 2, 4, 8, 16, 32, 64}
records = []
for seed in range(3):
    permuted = np.random.default_rng(seed).permutation(y_train)
    for kind, labels in {"right": y_train, "permuted": permuted}.items():
        mlp = MLPClassifier((128,), learning_rate_init=0.01, random_state=seed)
        for epoch in range(1, max(LOOK_AT) + 1):
            mlp.partial_fit(X_train, labels, classes=range(10))
            if epoch in LOOK_AT:
                row = {"labels": kind, "run": seed, "epoch": epoch}
                records.append(row | measure(mlp, labels))

# %%
# With right labels, DSE falls at first and DSMI rises, because the samples of a digit
# come together. With permuted labels, the network memorises one label after another,
# and its representation of other samples says no more about the digits for it: DSE
# rises, and DSMI stays low, within what the seeds differ by.

display = TrainingDynamicsDisplay.from_frame(
    records, by="labels", measures=["dse", "dsmi_wide", "training accuracy"]
)
for ax in display.axes_:
    ax.set_xscale("log")
plt.show()

# %%
# The same measures, plotted against the accuracy on the held-out samples:

TrainingDynamicsDisplay.from_frame(records, by="labels", x="accuracy")
plt.show()
