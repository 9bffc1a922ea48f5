"""Three data sets, their spectra, and the shares whose Shannon entropy is DSE."""

import matplotlib.pyplot as plt
import numpy as np

from skdse import DiffusionSpectralEntropy

rng = np.random.default_rng(0)
angle = np.sort(rng.uniform(-np.pi, np.pi, 90))
centers = 2 * np.array([[0, 1], [0.9, -0.5], [-0.9, -0.5]])
data = {
    "three crowds": np.repeat(centers, 30, axis=0) + 0.1 * rng.normal(size=(90, 2)),
    "a circle": 2 * np.column_stack([np.cos(angle), np.sin(angle)]),
    "a cloud": rng.normal(size=(90, 2)),
}

fig, axes = plt.subplots(
    3, 3, figsize=(7.5, 5.4), width_ratios=[1, 1.3, 2.2], layout="constrained"
)
for (name, X), row in zip(data.items(), axes, strict=True):
    dse = DiffusionSpectralEntropy(bandwidth=0.5, t=2).fit(X)
    shares = dse.eigenvalues_**2 / (dse.eigenvalues_**2).sum()
    colors = plt.colormaps["viridis"](np.linspace(0, 1, 12))[np.arange(90).clip(max=11)]

    row[0].scatter(*X.T, s=5, color="k")
    row[0].set(title=name, xticks=[], yticks=[], xlim=(-2.9, 2.9), ylim=(-2.9, 2.9))
    row[0].set_aspect("equal")

    row[1].bar(range(1, 21), dse.eigenvalues_[:20], color=colors[:20])
    row[1].set_ylim(0, 1.05)

    left = np.cumsum(shares) - shares
    row[2].barh(0, shares, left=left, color=colors, edgecolor="white", linewidth=0.6)
    row[2].set(xlim=(0, 1), ylim=(-0.9, 0.9), yticks=[])
    row[2].set_title(
        f"DSE {dse.entropy_:.2f} bits = {dse.effective_rank_:.1f} states", loc="left"
    )
    row[2].spines[["left", "top", "right"]].set_visible(False)
    row[1].spines[["top", "right"]].set_visible(False)
axes[0, 1].set_title("eigenvalues λᵢ")
axes[2, 1].set_xlabel("i")
axes[2, 2].set_xlabel("shares pᵢ of λᵢᵗ, at t = 2")
