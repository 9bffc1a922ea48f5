"""
Choosing a representation with GridSearchCV
===========================================

By default, a grid search judges a pipeline by the accuracy of its last step. With
:func:`~skdse.model_selection.representation_scorer` the search judges the
representation that the earlier steps make, whatever classifier comes after.
"""

# %%
# The pipeline makes kernel features of the digits, and a classifier tests them. The
# search chooses the width of the kernel and the number of features.

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_digits
from sklearn.kernel_approximation import Nystroem
from sklearn.model_selection import GridSearchCV
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MinMaxScaler

from skdse.model_selection import representation_scorer

X, y = load_digits(return_X_y=True)
X, y = X[:900], y[:900]
pipeline = make_pipeline(
    MinMaxScaler(), Nystroem(random_state=0), KNeighborsClassifier()
)
grid = {
    "nystroem__gamma": [0.001, 0.01, 0.1, 1.0],
    "nystroem__n_components": [4, 16, 64, 256],
}

# %%
# The scorer replaces ``scoring="accuracy"``. It measures the mutual information of
# features and labels on each held-out fold, as a share of the entropy: the form of DSMI
# to compare representations (:ref:`forms-of-dsmi`).

search = GridSearchCV(pipeline, grid, scoring=representation_scorer("dsmi_share"), cv=2)
search.fit(X, y)
print(search.best_params_)

# %%
# The search did not use accuracy, but accuracy agrees with it. On the right is the
# accuracy of the classifier on held-out samples, for each cell of the grid.

accuracy = GridSearchCV(pipeline, grid, cv=2).fit(X, y)
shape = tuple(len(values) for values in grid.values())
fig, axes = plt.subplots(1, 2, figsize=(9, 4), layout="constrained")
for ax, (title, one) in zip(
    axes, {"DSMI share": search, "accuracy": accuracy}.items(), strict=True
):
    scores = one.cv_results_["mean_test_score"].reshape(shape)
    image = ax.imshow(scores, cmap="viridis", aspect="auto")
    for row, column in np.ndindex(shape):
        dark = scores[row, column] < (scores.min() + scores.max()) / 2
        ax.annotate(
            f"{scores[row, column]:.2f}",
            (column, row),
            ha="center",
            va="center",
            color="white" if dark else "black",
        )
    best = np.unravel_index(scores.argmax(), shape)
    ax.add_patch(
        plt.Rectangle(
            (best[1] - 0.5, best[0] - 0.5), 1, 1, fill=False, color="red", linewidth=3
        )
    )
    ax.set(title=title, xlabel="n_components")
    ax.set_xticks(range(shape[1]), grid["nystroem__n_components"])
    ax.set_yticks(range(shape[0]), grid["nystroem__gamma"])
axes[0].set_ylabel("gamma")
plt.show()

# %%
# How much accuracy does a choice by DSMI cost? Both DSMI and this classifier look at
# neighbours; a linear classifier may lose more (see :ref:`model-selection`).

chosen = accuracy.cv_results_["mean_test_score"][search.best_index_]
print(f"accuracy of DSMI's choice {chosen:.3f}, best {accuracy.best_score_:.3f}")
