"""
A hundred thousand samples on a sparse graph
============================================

100,000 samples have 10 billion pairs. A graph of nearest neighbours has only 1.5
million edges. The entropy of its spectrum is estimated with a stated error, without
computing all eigenvalues.
"""

# %%
# The data are ten clusters on a curved 3-dimensional sheet in 6 dimensions.

import time

import matplotlib.pyplot as plt
import numpy as np

from skdse import DiffusionSpectralEntropy

rng = np.random.default_rng(0)
centers = rng.uniform(-6, 6, size=(10, 3))


def make_sheet(n_samples):
    """Samples around ten centres, in float32."""
    low = centers[rng.integers(10, size=n_samples)]
    low = low + rng.normal(size=(n_samples, 3))
    return np.hstack([low, np.sin(low)]).astype(np.float32)


# %%
# Only ``affinity="nearest_neighbors"`` is needed. ``tol`` is the largest standard error
# in bits that is accepted: a tenth of it costs up to a hundred times the work. For many
# samples, "auto" chooses ``eigen_solver="lanczos"``; here Lanczos is set for the small
# sets too.
#
# Neighbours are searched exactly as long as this takes seconds: in few dimensions, up
# to 200,000 samples. For more samples the search is approximate. It can handle a
# million samples of 64 features.

dse = DiffusionSpectralEntropy(
    affinity="nearest_neighbors", eigen_solver="lanczos", tol=0.01, random_state=0
)
sizes = [1000, 3000, 10_000, 30_000, 100_000]
seconds, bits = [], []
for n in sizes:
    X = make_sheet(n)
    start = time.perf_counter()
    dse.fit(X)
    seconds.append(time.perf_counter() - start)
    bits.append(dse.entropy_)
    error = dse.entropy_std_error_
    print(f"n = {n:7,}: {bits[-1]:.3f} ± {error:.0e} bits, {seconds[-1]:.1f} s")

# %%
# DSE grows with the number of samples, because there are more neighbourhoods to tell
# apart. So compare sets of the same size. Time grows about in proportion to n.

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
