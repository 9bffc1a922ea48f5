"""
Quick start: two numbers for a representation
=============================================

How rich is a representation? Diffusion spectral entropy (DSE) answers this. How much of
its structure do the labels explain? Diffusion spectral mutual information (DSMI)
answers this. Both are in bits.
"""

# %%
# A representation is a table of samples × features: here the pixels of the digits, and
# two of their principal components. Load your own with ``numpy.load("Z.npy")``, and its
# labels with ``numpy.load("y.npy")``.

import matplotlib.pyplot as plt
from sklearn.datasets import load_digits
from sklearn.decomposition import PCA

from skdse import DiffusionSpectralEntropy, DiffusionSpectralMI

X, y = load_digits(return_X_y=True)
Z = PCA(2, random_state=0).fit_transform(X)

# %%
# DSE is high if the samples fill many distinct states. The effective number of states
# is 2 to the power of DSE. Two components keep few of the states of the pixels.

for name, data in {"pixels": X, "two components": Z}.items():
    dse = DiffusionSpectralEntropy().fit(data)
    print(f"{name}: {dse.entropy_:.2f} bits, {dse.effective_rank_:.0f} states")

# %%
# DSMI is high if the samples of a class lie together. It compares each class with
# random subsets of the same size. A representation that says nothing about the classes
# has about 0 bits. (Where much hangs on the order, take the form of DSMI that is made
# for the question: :ref:`forms-of-dsmi`.)

results = {
    name: DiffusionSpectralMI(random_state=0).fit(data, y)
    for name, data in {
        "64 pixels": X,
        "16 components": PCA(16, random_state=0).fit_transform(X),
        "2 components": Z,
        "1 component": Z[:, :1],
    }.items()
}
for name, dsmi in results.items():
    print(f"{name}: {dsmi.mutual_info_:.2f} ± {dsmi.mutual_info_std_error_:.2f} bits")

# %%
# On the left are the ten digits in two components: the classes overlap. On the right is
# DSMI: two components lose much of the information, and one component loses most.

fig, (left, right) = plt.subplots(1, 2, figsize=(9, 4), layout="constrained")
points = left.scatter(*Z.T, c=y, s=8, cmap="tab10", vmin=-0.5, vmax=9.5)
left.set(xlabel="component 1", ylabel="component 2", xticks=[], yticks=[])
fig.colorbar(points, ax=left, label="digit", ticks=range(10))
right.barh(
    list(results),
    [dsmi.mutual_info_ for dsmi in results.values()],
    xerr=[dsmi.mutual_info_std_error_ for dsmi in results.values()],
    color="tab:blue",
)
right.invert_yaxis()
right.set_xlabel("DSMI(Z; digit) [bits]")
right.spines[["top", "right"]].set_visible(False)
plt.show()
