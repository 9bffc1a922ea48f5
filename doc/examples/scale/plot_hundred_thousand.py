"""
A hundred thousand samples on a sparse graph
============================================

All pairs of 100,000 samples are 10 billion. A graph of nearest neighbours has 1.5
million edges, and the entropy of its spectrum is estimated to within a stated error,
without solving for a single eigenvalue.
"""

# %%
# Ten clusters on an 8-dimensional sheet in 32 dimensions.

import time

import matplotlib.pyplot as plt
import numpy as np

from skdse import DiffusionSpectralEntropy

rng = np.random.default_rng(0)
sheet = rng.normal(size=(8, 32)).astype(np.float32)


def make_clusters(n_samples):
    """Samples around ten centres, in float32."""
    centers = 4 * rng.normal(size=(10, 8))[rng.integers(10, size=n_samples)]
    low = centers + rng.normal(size=(n_samples, 8))
    return low.astype(np.float32) @ sheet


# %%
# ``affinity="nearest_neighbors"`` is all that it takes. Neighbours are searched
# approximately (pynndescent) where there are many samples, exactly otherwise.

dse = DiffusionSpectralEntropy(affinity="nearest_neighbors", random_state=0)
sizes = [1000, 3000, 10_000, 30_000, 100_000]
seconds, bits, errors = [], [], []
for n in sizes:
    X = make_clusters(n)
    start = time.perf_counter()
    dse.fit(X)
    seconds.append(time.perf_counter() - start)
    bits.append(dse.entropy_)
    errors.append(dse.entropy_std_error_)
    print(f"n = {n:7,}: {bits[-1]:.3f} ± {errors[-1]:.0e} bits, {seconds[-1]:.1f} s")

# %%
# DSE grows with the number of samples, since cells of neighbours get smaller: compare
# sets of one size, or :math:`\log_2 n` less DSE. Time grows about as n; the first
# search of more than some thousand samples also compiles code.

fig, (left, right) = plt.subplots(1, 2, figsize=(9, 3.8), layout="constrained")
left.semilogx(sizes, np.log2(sizes), "--", color="gray", label="log2(n)")
left.semilogx(sizes, bits, "o-", label="DSE, kNN graph")
left.set(xlabel="samples n", ylabel="entropy [bits]")
left.legend()
right.loglog(sizes, seconds, "s-", color="tab:orange", label="fit, search included")
right.loglog(
    sizes,
    seconds[-1] * np.array(sizes) / sizes[-1],
    ":",
    color="gray",
    label="in proportion to n",
)
right.set(xlabel="samples n", ylabel="time [s]")
right.legend()
for ax in (left, right):
    ax.spines[["top", "right"]].set_visible(False)
plt.show()
