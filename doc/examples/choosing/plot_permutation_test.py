"""
Is it more than chance?
=======================

If a representation says nothing about the labels, its DSMI is not exactly 0. A
permutation test finds out how far from 0 it is by chance. The test takes about as long
as five DSMI.
"""

# %%
# Two representations: noise, and the same noise with a hint of the first class in all
# five features.

import matplotlib.pyplot as plt
import numpy as np

from skdse import mutual_info_permutation_test

rng = np.random.default_rng(0)
y = np.arange(240) % 4
noise = rng.normal(size=(240, 5))
hint = noise + 0.7 * (y == 0)[:, None]

tests = {
    name: mutual_info_permutation_test(Z, y, n_permutations=500, random_state=0)
    for name, Z in {"noise": noise, "noise and a hint": hint}.items()
}
for name, test in tests.items():
    print(f"{name}: DSMI {test.statistic:.3f} bits, p = {test.pvalue:.3f}")

# %%
# Bars: DSMI of the same samples with permuted labels. Line: DSMI with the true labels.

fig, axes = plt.subplots(1, 2, figsize=(9, 3.6), sharex=True, layout="constrained")
for ax, (name, test) in zip(axes, tests.items(), strict=True):
    ax.hist(test.null_distribution, bins=30, color="lightsteelblue")
    ax.axvline(test.statistic, color="tab:red", linewidth=3)
    ax.set(title=f"{name}: p = {test.pvalue:.3f}", xlabel="DSMI [bits]", yticks=[])
    ax.spines[["top", "right", "left"]].set_visible(False)
axes[0].set_ylabel("permutations")
plt.show()

# %%
# The smallest p-value that 500 permutations can give is 1/501. A small p-value says
# that there is a dependence. The bits say how strong it is.
