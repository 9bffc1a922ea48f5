"""
What a solver knows of the spectrum
===================================

Entropy is a sum over all eigenvalues of the diffusion operator, but no solver needs to
find all of them. This is what the three solvers know of the same spectrum, that of 1797
digits.
"""

# %%
# "dense" solves for every eigenvalue. "arpack" solves for the largest; the sum and the
# sum of squares of the others are known exactly, and bound them. "lanczos" solves for a
# few and estimates the density of the others from random probes, until the standard
# error of the entropy is below ``tol``.

import matplotlib.pyplot as plt
from sklearn.datasets import load_digits

from skdse import DiffusionSpectralEntropy
from skdse.plotting import SpectrumDisplay

X, _ = load_digits(return_X_y=True)
solvers = {
    "dense": {},
    "arpack": {"n_components": 60},
    "lanczos": {"tol": 1e-2},
}
fitted = {
    name: DiffusionSpectralEntropy(eigen_solver=name, random_state=0, **options).fit(X)
    for name, options in solvers.items()
}

# %%
# The entropy that each of them finds, and how sure it is:

for name, dse in fitted.items():
    lower, upper = dse.entropy_interval_
    print(f"{name:8s} {dse.entropy_:.3f} bits, in [{lower:.3f}, {upper:.3f}]")

# %%
# The shaded region is proved, not estimated: the eigenvalues of "dense" run through it.

fig, axes = plt.subplots(1, 3, figsize=(12, 4), sharey=True, layout="constrained")
for ax, (name, dse) in zip(axes, fitted.items(), strict=True):
    SpectrumDisplay.from_estimator(dse, ax=ax)
    ax.set_title(name)
axes[0].set_ylim(1e-5, 2)
for ax in axes[1:]:
    ax.set_ylabel("")
plt.show()
