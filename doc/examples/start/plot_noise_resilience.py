"""
Resilience to noise, against Shannon entropy
============================================

Entropy should say how many dimensions the data fill, also if a little noise is added to
all dimensions. Binned Shannon entropy cannot do this: in many dimensions every sample
has a cell of its own. This is the paper's first experiment, made smaller.
"""

# %%
# Samples are uniform in the first d of 512 dimensions and constant in the others.
# Noise, uniform in ± its level, is added to every coordinate.

import matplotlib.pyplot as plt
import numpy as np

from skdse import DiffusionSpectralEntropy, ShannonEntropy

N_SAMPLES, N_FEATURES = 300, 512
dimensions = [8, 16, 32, 64, 128, 256, 512]
levels = [0.0, 0.01, 0.1, 0.5]


def make_data(dimension, level, seed=0):
    """Samples that fill so many dimensions, under noise."""
    rng = np.random.default_rng(seed)
    X = np.zeros((N_SAMPLES, N_FEATURES))
    X[:, :dimension] = rng.uniform(-1, 1, size=(N_SAMPLES, dimension))
    return X + level * rng.uniform(-1, 1, size=X.shape)


# %%
# Both entropies are at most log2(n) bits.

measures = {
    "diffusion spectral entropy": DiffusionSpectralEntropy(),
    "Shannon entropy, 2 bins": ShannonEntropy(n_bins=2),
}
fig, axes = plt.subplots(1, 2, figsize=(9, 4), sharey=True, layout="constrained")
colors = plt.colormaps["viridis"](np.linspace(0.0, 0.85, len(levels)))
for ax, (title, measure) in zip(axes, measures.items(), strict=True):
    for level, color in zip(levels, colors, strict=True):
        bits = [measure.fit(make_data(d, level)).entropy_ for d in dimensions]
        ax.plot(dimensions, bits, "o-", color=color, label=f"{level:g}")
    ax.axhline(np.log2(N_SAMPLES), color="gray", linestyle="--", linewidth=1)
    ax.set(title=title, xlabel="intrinsic dimension d")
    ax.set_xscale("log", base=2)
    ax.spines[["top", "right"]].set_visible(False)
axes[0].set_ylabel("entropy [bits]")
axes[0].annotate("log2(n)", (8, np.log2(N_SAMPLES)), va="bottom", color="gray")
axes[1].legend(title="noise level", loc="lower right")
plt.show()

# %%
# DSE grows with d at every noise level. Shannon entropy is at its maximum, whatever d
# is: with 512 noisy features of two bins each, no two samples share a cell.
