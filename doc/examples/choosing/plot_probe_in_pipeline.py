"""
Probes in the middle of a pipeline
==================================

Every estimator of skdse passes the samples on unchanged and keeps its measures. Put
between the steps of a pipeline, such a probe shows which step gains or loses
information.
"""

# %%
# The wine data have thirteen chemical measures of three cultivars, in very different
# units. A probe follows each step. The probes do not change the input of the classifier
# at the end.

import matplotlib.pyplot as plt
from sklearn.datasets import load_wine
from sklearn.decomposition import PCA
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import StandardScaler

from skdse import DiffusionSpectralMI

X, y = load_wine(return_X_y=True)


def probe():
    """Return a probe with the same random subsets for every place."""
    return DiffusionSpectralMI(n_repeats=20, random_state=0)


pipeline = Pipeline(
    [
        ("raw", probe()),
        ("scale", StandardScaler()),
        ("scaled", probe()),
        ("pca", PCA(5)),
        ("five components", probe()),
        ("lda", LinearDiscriminantAnalysis(n_components=2)),
        ("discriminants", probe()),
        ("classify", LogisticRegression()),
    ]
).fit(X, y)

# %%
# DSMI at each probe, and the entropy that it is a part of:

probes = {
    name: step
    for name, step in pipeline.named_steps.items()
    if isinstance(step, DiffusionSpectralMI)
}
for name, step in probes.items():
    print(f"{name}: {step.mutual_info_:.2f} of {step.entropy_:.2f} bits")

# %%
# Scaling matters most: in the raw data, a feature in large units (proline) hides the
# others. The discriminants were fitted to the labels of these same samples, so their
# gain is partly memorised.

names = list(probes)
within = [probes[name].conditional_entropy_ for name in names]
gained = [probes[name].mutual_info_ for name in names]
fig, ax = plt.subplots(figsize=(8, 4), layout="constrained")
ax.bar(names, within, color="lightgray", label="entropy within cultivars")
ax.bar(names, gained, bottom=within, color="tab:green", label="DSMI with cultivar")
for place, (low, bits) in enumerate(zip(within, gained, strict=True)):
    ax.annotate(f"{bits:.2f} bits", (place, low + bits), ha="center", va="bottom")
ax.set_ylabel("entropy of subsets [bits]")
ax.spines[["top", "right"]].set_visible(False)
ax.legend(loc="lower left")
plt.show()
