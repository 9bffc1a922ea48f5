"""
Accuracy and mutual information in one search
=============================================

Scorers of skdse work together with those of scikit-learn. A single search measures the
accuracy, DSMI with the labels and DSE of each candidate, and a rule of your own chooses
the best candidate.
"""

# %%
# The candidates are perceptrons of several widths and penalties, trained on the digits.
# Their representation is the output of the last hidden layer for held-out images.

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_digits
from sklearn.model_selection import GridSearchCV
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MinMaxScaler

from skdse.model_selection import representation_scorer

X, y = load_digits(return_X_y=True)
X, y = X[:600], y[:600]
network = make_pipeline(
    MinMaxScaler(),
    MLPClassifier(solver="lbfgs", tol=1e-3, max_iter=1000, random_state=0),
)
widths = [(3,), (5,), (8,), (16,), (32,), (64,)]
grid = {
    "mlpclassifier__hidden_layer_sizes": widths,
    "mlpclassifier__alpha": [0.001, 10.0],
}
scoring = {
    "accuracy": "accuracy",
    "dsmi": representation_scorer("dsmi_share"),
    "dse": representation_scorer("dse"),
}

# %%
# The rule: among the networks within one point of the best accuracy, choose the network
# with the largest mutual information.


def most_informed(results):
    """Index of the candidate with most DSMI among the most accurate."""
    accuracy = results["mean_test_accuracy"]
    good = accuracy >= accuracy.max() - 0.01
    return int(np.argmax(np.where(good, results["mean_test_dsmi"], -np.inf)))


search = GridSearchCV(network, grid, scoring=scoring, refit=most_informed, cv=2)
search.fit(X, y)
print(search.best_params_)

# %%
# Each point is a network; its size is the width of the hidden layer. Accuracy and DSMI
# rise together, but for a network of three units, far right on the left chart. Its
# units are 0 for most images, so that these lie in one point. Then the entropy is
# small, and a large share of it says little: the rule looks at accuracy first.

results = search.cv_results_
size = np.array([one[0] for one in results["param_mlpclassifier__hidden_layer_sizes"]])
penalty = results["param_mlpclassifier__alpha"].astype(float)
fig, axes = plt.subplots(1, 2, figsize=(9, 4), sharey=True, layout="constrained")
panels = {"dsmi": "DSMI share", "dse": "DSE(Z) [bits]"}
for ax, (name, label) in zip(axes, panels.items(), strict=True):
    for value, color in zip(
        np.unique(penalty), ("tab:blue", "tab:orange"), strict=True
    ):
        rows = penalty == value
        ax.scatter(
            results[f"mean_test_{name}"][rows],
            results["mean_test_accuracy"][rows],
            s=20 + 5 * size[rows],
            color=color,
            alpha=0.7,
            label=f"alpha = {value:g}",
        )
    best = search.best_index_
    ax.scatter(
        results[f"mean_test_{name}"][best],
        results["mean_test_accuracy"][best],
        s=600,
        facecolors="none",
        edgecolors="red",
        linewidths=2,
    )
    ax.set_xlabel(label)
    ax.spines[["top", "right"]].set_visible(False)
axes[0].set_ylabel("accuracy on held-out images")
axes[1].legend(loc="lower right", title="penalty")
plt.show()
