"""
A perceptron, layer by layer
============================

How do the representations of a network change from the input to the output? This
example measures a small perceptron on images of digits that it was not trained on.
"""

# %%
# Half of the images train the network; the other half are measured.

import matplotlib.pyplot as plt
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from sklearn.neural_network import MLPClassifier

from skdse.plotting import LayerProfileDisplay, MutualInfoDisplay

X, y = load_digits(return_X_y=True)
X_train, X_test, y_train, y_test = train_test_split(
    X / 16, y, test_size=0.5, stratify=y, random_state=0
)
mlp = MLPClassifier((64, 32, 16), learning_rate_init=0.01, random_state=0)
mlp.fit(X_train, y_train)
print(f"test accuracy {mlp.score(X_test, y_test):.3f}")

# %%
# One line measures all layers: DSE of the layer Z, and DSMI of Z with the labels Y, in
# two forms (:ref:`forms-of-dsmi`), and with the inputs X, which are clustered once. The
# network brings the samples of a digit together: DSE falls by more than two bits. Both
# forms of DSMI fall, too, but by little. The neighbours of an image are of its digit
# already among the pixels, and no layer has much to add to that.

display = LayerProfileDisplay.from_estimator(mlp, X_test, y_test, random_state=0)
plt.show()

# %%
# What training does shows beside an untrained network of the same shape. Its random
# layers lose more than half of the information about both the labels and the inputs:

untrained = MLPClassifier((64, 32, 16), learning_rate_init=1e-9, random_state=0)
untrained.partial_fit(X_train, y_train, classes=range(10))
LayerProfileDisplay.from_estimator(untrained, X_test, y_test, random_state=0)
plt.show()

# %%
# Which digits does the last hidden layer hold together, and could that be chance?

import numpy as np

from skdse import DiffusionSpectralMI, mutual_info_permutation_test

Z = X_test
for W, b in zip(mlp.coefs_[:-1], mlp.intercepts_[:-1], strict=True):
    Z = np.maximum(Z @ W + b, 0)
dsmi = DiffusionSpectralMI(random_state=0).fit(Z, y_test)
test = mutual_info_permutation_test(Z, y_test, random_state=0)
MutualInfoDisplay.from_estimator(dsmi, test=test)
plt.show()
