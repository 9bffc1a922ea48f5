"""Entropy of each group beside that of random subsets: their mean gap is DSMI."""

import matplotlib.pyplot as plt
from sklearn.datasets import load_digits

from skdse import DiffusionSpectralMI

X, y = load_digits(return_X_y=True)
dsmi = DiffusionSpectralMI(random_state=0).fit(X, y)

fig, ax = plt.subplots(figsize=(7, 3.6), layout="constrained")
ax.bar(dsmi.groups_, dsmi.group_entropies_, color="lightgray")
gap = dsmi.entropy_ - dsmi.group_entropies_
ax.bar(dsmi.groups_, gap, bottom=dsmi.group_entropies_, color="tab:green", alpha=0.6)
ax.axhline(dsmi.entropy_, color="k")
ax.annotate(
    "random subsets of as many images", (9.45, dsmi.entropy_), va="bottom", ha="right"
)
ax.annotate(
    f"mean gap: DSMI = {dsmi.mutual_info_:.2f} bits",
    (4.5, dsmi.entropy_ - 0.35),
    ha="center",
)
ax.set(
    xlabel="digit", ylabel="DSE of its images [bits]", xticks=range(10), ylim=(0, 7.2)
)
ax.spines[["top", "right"]].set_visible(False)
