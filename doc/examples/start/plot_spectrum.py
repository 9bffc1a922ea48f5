"""
What a solver knows about the spectrum
======================================

Entropy is a sum over all eigenvalues of the diffusion operator, but a solver does not
need to find all of them. This example shows what three solvers know about the same
spectrum, the spectrum of 1797 digits.
"""

# %%
# "dense" finds every eigenvalue. "arpack" finds the largest; the sum and the sum of
# squares of the others are known exactly, and bound them. "lanczos" finds a few and
# estimates the density of the others from random probes, until the standard error of
# the entropy is below ``tol``.

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
# The entropy from each solver, and the interval for it:

for name, dse in fitted.items():
    lower, upper = dse.entropy_interval_
    print(f"{name:8s} {dse.entropy_:.3f} bits, in [{lower:.3f}, {upper:.3f}]")

# %%
# The shaded region is proved, not estimated: the eigenvalues of "dense" lie in it.

fig, axes = plt.subplots(1, 3, figsize=(12, 4), sharey=True, layout="constrained")
for ax, (name, dse) in zip(axes, fitted.items(), strict=True):
    SpectrumDisplay.from_estimator(dse, ax=ax)
    ax.set_title(name)
axes[0].set_ylim(1e-5, 2)
for ax in axes[1:]:
    ax.set_ylabel("")
plt.show()
