"""
What the bandwidth and α do
===========================

The bandwidth σ is the size of the cells that DSE counts. The smaller α is, the more
crowds of samples hold the walker back; this shows at larger diffusion times t.
"""

# %%
# Two data sets on the same circle: the first is even, the second is crowded on its
# right.

import matplotlib.pyplot as plt
import numpy as np

from skdse import DiffusionSpectralEntropy

rng = np.random.default_rng(0)
even = rng.uniform(-np.pi, np.pi, 600)
crowded = rng.vonmises(0.0, 1.2, 600)
circles = {
    name: np.column_stack([np.cos(angle), np.sin(angle)])
    for name, angle in {"even": even, "crowded": crowded}.items()
}

# %%
# DSE over two decades of bandwidth. With a wide bandwidth, every sample sees all others
# alike, and DSE goes to 0. With a narrow bandwidth, every sample sees only itself, and
# DSE goes to log2(n), whatever the data. Neither end says anything about the data, and
# skdse warns. In between, DSE falls by one bit each time σ doubles, because the circle
# has one dimension. α hardly matters here.

sigmas = np.geomspace(0.01, 2.0, 15)
by_sigma = {
    name: [DiffusionSpectralEntropy(bandwidth=s).fit(X).entropy_ for s in sigmas]
    for name, X in circles.items()
}
rule = DiffusionSpectralEntropy().fit(circles["even"]).bandwidth_
print(f'bandwidth="median" is {rule:.2f} for the even circle')

# %%
# Over time the walker forgets where it started. α = 1 divides the density out, and the
# crowded circle gives the same curve as the even circle. With α = 0, the plain walk on
# the graph, the crowd keeps the walker, the rest of the circle is soon forgotten, and
# DSE falls faster. α = ½, the paper's choice and the default, is in between.

times = np.geomspace(1, 300, 30)
alphas = {0.0: "tab:orange", 0.5: "tab:blue", 1.0: "tab:green"}
by_time = {
    (name, alpha): DiffusionSpectralEntropy(bandwidth=0.2, alpha=alpha)
    .fit(X)
    .entropy_curve(times)
    for name, X in circles.items()
    for alpha in alphas
}

fig, axes = plt.subplots(
    1, 3, figsize=(10, 4), width_ratios=[1, 2, 2], layout="constrained"
)
for shift, (name, X) in zip((0, 2.6), circles.items(), strict=True):
    axes[0].scatter(X[:, 0], X[:, 1] - shift, s=6, alpha=0.3, color="k", linewidths=0)
    axes[0].annotate(name, (0, -shift), ha="center", va="center")
axes[0].set_aspect("equal")
axes[0].axis("off")
lines = {"even": "-", "crowded": "--"}
for name, bits in by_sigma.items():
    axes[1].semilogx(sigmas, bits, lines[name], color="tab:blue", label=name)
for (name, alpha), bits in by_time.items():
    label = f"α = {alpha:g}" if name == "crowded" else None
    axes[2].semilogx(times, bits, lines[name], color=alphas[alpha], label=label)
axes[1].axvline(rule, color="gray", linestyle=":", linewidth=1)
axes[1].annotate(' "median"', (rule, 7), color="gray")
axes[1].set(xlabel="bandwidth σ", ylabel="DSE [bits]", title="t = 1, α = ½")
axes[2].set(xlabel="diffusion time t", title="σ = 0.2")
for ax in axes[1:]:
    ax.spines[["top", "right"]].set_visible(False)
    ax.legend()
plt.show()

# %%
# DSE at t = 30, in bits:

for alpha in alphas:
    bits = [
        DiffusionSpectralEntropy(bandwidth=0.2, alpha=alpha, t=30).fit(X).entropy_
        for X in circles.values()
    ]
    print(f"alpha = {alpha}: even {bits[0]:.2f}, crowded {bits[1]:.2f}")
