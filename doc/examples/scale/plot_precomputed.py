"""
The entropy of a graph without coordinates
==========================================

Friendships, citations and molecules come as graphs. Pass the weights of the edges with
``affinity="precomputed"``, as a dense or sparse matrix. No coordinates and no bandwidth
are needed.
"""

# %%
# The graph has four communities of 60 nodes. Each node has about 8 edges. A share of
# the edges, the stray edges, leads to any node instead of to a node of the same
# community.

import matplotlib.pyplot as plt
import numpy as np
from scipy.sparse import coo_matrix

from skdse import DiffusionSpectralEntropy, DiffusionSpectralMI

N_NODES = 240
community = np.repeat(np.arange(4), N_NODES // 4)


def make_graph(stray, seed=0):
    """Sparse symmetric adjacency; stray is the share of edges that lead anywhere."""
    rng = np.random.default_rng(seed)
    source = rng.integers(N_NODES, size=4 * N_NODES)
    target = 60 * community[source] + rng.integers(60, size=source.size)
    anywhere = rng.random(source.size) < stray
    target[anywhere] = rng.integers(N_NODES, size=anywhere.sum())
    shape = (N_NODES, N_NODES)
    A = coo_matrix((np.ones(source.size), (source, target)), shape).tocsr()
    return ((A + A.T) > 0).astype(float)


# %%
# The entropy of a random walk after t steps: if the communities are separate, the walk
# never leaves its community, and DSE levels off at log2(4) = 2 bits. If the communities
# are mixed, the walk forgets where it started, and DSE falls to 0.

stray_shares = [0.0, 0.02, 0.1, 0.5, 1.0]
graphs = {stray: make_graph(stray) for stray in stray_shares}
times = np.geomspace(1, 300, 40)
curves = {
    stray: DiffusionSpectralEntropy(affinity="precomputed").fit(G).entropy_curve(times)
    for stray, G in graphs.items()
}

# %%
# DSMI with the communities uses the same graphs. A subset of nodes keeps only the edges
# between its own nodes.

walk = DiffusionSpectralEntropy(affinity="precomputed", t=3)
for stray, G in graphs.items():
    dsmi = DiffusionSpectralMI(walk, random_state=0).fit(G, community)
    print(f"stray {stray:4.0%}: DSMI {dsmi.mutual_info_:5.2f} bits")

# %%
# Two of the graphs, drawn on four circles, and the curves of all graphs:

fig = plt.figure(figsize=(9, 4.4), layout="constrained")
grid = fig.add_gridspec(2, 2, width_ratios=[1, 2.2])
angle = 2 * np.pi * np.arange(N_NODES) / 60
center = 2.6 * np.array([[-1, 1], [1, 1], [-1, -1], [1, -1]])[community] / 2
place = center + 0.9 * np.column_stack([np.cos(angle), np.sin(angle)])
for row, stray in enumerate((0.02, 0.5)):
    ax = fig.add_subplot(grid[row, 0])
    i, j = graphs[stray].nonzero()
    ax.plot(*place[[i, j]].transpose(2, 0, 1), color="gray", linewidth=0.15)
    ax.scatter(*place.T, c=community, s=6, cmap="tab10", vmax=9, zorder=2)
    ax.set_title(f"{stray:.0%} stray", fontsize="medium")
    ax.set_aspect("equal")
    ax.axis("off")
ax = fig.add_subplot(grid[:, 1])
colors = plt.colormaps["plasma"](np.linspace(0, 0.85, len(curves)))
for (stray, bits), color in zip(curves.items(), colors, strict=True):
    ax.semilogx(times, bits, color=color, label=f"{stray:.0%}")
ax.axhline(2, color="gray", linestyle="--", linewidth=1)
ax.annotate("four communities", (1, 2), va="bottom", color="gray")
ax.set(xlabel="diffusion time t [steps]", ylabel="DSE [bits]")
ax.spines[["top", "right"]].set_visible(False)
ax.legend(title="stray edges")
plt.show()
