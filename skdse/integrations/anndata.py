"""AnnData: entropy of cells, and mutual information with what is known of them.

``obsm`` or ``X``, or a graph of neighbours in ``obsp`` ─► estimator ─► number; its
error and settings go to ``uns`` where that is asked for.
"""

from typing import Any

import numpy as np
import scipy.sparse as sp
from sklearn.base import clone

from .._measures.catalogue import ERROR
from .._measures.entropy import DiffusionSpectralEntropy
from .._measures.mutual_info import DiffusionSpectralMI
from .._tools.validation import available_memory, check_kind, check_option
from ._course import missing

try:
    from anndata import AnnData
except ImportError as error:
    raise missing("anndata", "AnnData") from error

__all__ = ["dse", "dsmi"]

# Graphs that scanpy keeps, and the affinities that take them.
GRAPHS = {
    "connectivities": "precomputed",
    "distances": "precomputed_nearest_neighbors",
}


def dse(
    adata: AnnData,
    *,
    use_rep: str | None = None,
    neighbors_key: str | None = None,
    graph: str = "connectivities",
    key_added: str | None = None,
    **params: Any,
) -> float:
    """Compute the diffusion spectral entropy of cells, in bits.

    Parameters
    ----------
    adata : AnnData
        Annotated data.
    use_rep : str, default=None
        What to measure: a key of ``adata.obsm``, or "X". None is "X_pca" if it is
        there, else "X".
    neighbors_key : str, default=None
        Measure the graph of neighbours that scanpy has stored under this key of
        ``adata.uns``, usually "neighbors", in place of a representation. One step
        of diffusion on a graph reaches few cells: let it go further, with ``t=3`` or
        more.
    graph : {"connectivities", "distances"}, default="connectivities"
        Which of the graphs: its weights as they are, or its distances, of which skdse
        makes weights with a bandwidth of its own, and at most as many neighbors a cell
        as all cells have there.
    key_added : str, default=None
        Key of ``adata.uns`` under which the entropy, its standard error and the
        settings are stored. None changes nothing in `adata`.
    **params
        Parameters of :class:`~skdse.DiffusionSpectralEntropy`.

    Returns
    -------
    entropy : float
        Entropy in bits, a share of the largest one if ``normalize``.

    Raises
    ------
    TypeError
        If `adata` is no AnnData.
    ValueError
        If a key or a parameter is invalid.
    MemoryError
        If a sparse X would not fit in memory as a dense one.

    See Also
    --------
    dsmi : Mutual information with a column of ``adata.obs``.

    Examples
    --------
    Three kinds of cells, far apart, in a representation of two dimensions:

    >>> import numpy as np
    >>> from anndata import AnnData
    >>> from skdse.integrations.anndata import dse
    >>> rep = np.repeat([[0.0, 0.0], [100.0, 0.0], [0.0, 100.0]], 5, axis=0)
    >>> adata = AnnData(np.zeros((15, 1)), obsm={"X_pca": rep})
    >>> print(f"{2 ** dse(adata, bandwidth=1.0):.4f}")
    3.0000
    """
    if neighbors_key is not None and "affinity" in params:
        raise ValueError(
            f"neighbors_key has an affinity of its own; got {params['affinity']!r}, "
            "too. Pass use_rep for other affinities."
        )
    X, settings = _samples(adata, use_rep, neighbors_key, graph)
    measure = _with_graph(DiffusionSpectralEntropy(**params), X, settings)
    measure.fit(X)
    _keep(adata, key_added, "dse", measure, "entropy", params | settings)
    return measure.entropy_


def dsmi(
    adata: AnnData,
    groupby: str,
    *,
    use_rep: str | None = None,
    neighbors_key: str | None = None,
    graph: str = "connectivities",
    key_added: str | None = None,
    **params: Any,
) -> float:
    """Compute how much a representation of cells tells of a column of ``obs``, in bits.

    With the batch as the column, it tells how well batches are mixed: 0 bits where
    cells of all batches lie among each other.

    Parameters
    ----------
    adata : AnnData
        Annotated data.
    groupby : str or list of str
        Column of ``adata.obs``; of several, each combination is a group.
    use_rep : str, default=None
        What to measure: a key of ``adata.obsm``, or "X". None is "X_pca" if it is
        there, else "X".
    neighbors_key : str, default=None
        Measure the graph of neighbours that scanpy has stored under this key of
        ``adata.uns``, usually "neighbors", in place of a representation. Groups and
        random subsets are parts of this graph. One step of diffusion on a graph
        reaches few cells: let it go further, with the ``t`` of ``estimator``.
    graph : {"connectivities", "distances"}, default="connectivities"
        Which of the graphs: its weights as they are, or its distances, of which skdse
        makes weights with a bandwidth of its own, and at most as many neighbors a cell
        as all cells have there.
    key_added : str, default=None
        Key of ``adata.uns`` under which the mutual information, its standard error and
        the settings are stored. None changes nothing in `adata`.
    **params
        Parameters of :class:`~skdse.DiffusionSpectralMI`.

    Returns
    -------
    mutual_info : float
        Mutual information in bits, a share of the entropy if ``normalize``. It can be
        slightly negative if the representation says nothing of the column.

    Raises
    ------
    TypeError
        If `adata` is no AnnData.
    ValueError
        If a column, a key or a parameter is invalid.
    MemoryError
        If a sparse X would not fit in memory as a dense one.

    See Also
    --------
    dse : Entropy of the cells.

    Examples
    --------
    Two kinds of cells that are far apart, each in two batches that are not:

    >>> import numpy as np
    >>> import pandas as pd
    >>> from anndata import AnnData
    >>> from skdse.integrations.anndata import dsmi
    >>> kind, batch = np.repeat([0, 1], 40), np.tile([0, 1], 40)
    >>> noise = np.random.default_rng(0).normal(size=(80, 2))
    >>> obs = pd.DataFrame({"kind": kind, "batch": batch}, index=map(str, range(80)))
    >>> rep = noise + 100 * kind[:, None]
    >>> adata = AnnData(np.zeros((80, 1)), obs=obs, obsm={"X_pca": rep})
    >>> of_kind = dsmi(adata, "kind", random_state=0)
    >>> of_batch = dsmi(adata, "batch", random_state=0)
    >>> print(f"kind {of_kind:.1f} bits, batch {abs(of_batch):.1f} bits")
    kind 0.4 bits, batch 0.0 bits
    """
    X, settings = _samples(adata, use_rep, neighbors_key, graph)
    y = _column(adata, groupby)
    measure = DiffusionSpectralMI(**params)
    if "graph" in settings:
        inner = measure.estimator or DiffusionSpectralEntropy()
        measure.set_params(estimator=_with_graph(clone(inner), X, settings))
    measure.fit(X, y)
    settings = {"groupby": groupby, **params, **settings}
    _keep(adata, key_added, "dsmi", measure, "mutual_info", settings)
    return measure.mutual_info_


def _samples(adata, use_rep, neighbors_key, graph):
    """Representation or graph of the cells, and the settings that say which."""
    check_kind(adata, AnnData, "adata", "an {}")
    check_option(graph, "graph", GRAPHS)
    if neighbors_key is None:
        return _representation(adata, use_rep)
    if use_rep is not None:
        raise ValueError(
            f"use_rep and neighbors_key name two things to measure; got {use_rep!r} "
            f"and {neighbors_key!r}. Pass one of them."
        )
    # scanpy stores where the graphs of a key are; before 1.5 they had their own names.
    stored = adata.uns.get(neighbors_key, {})
    key = stored.get(f"{graph}_key", graph)
    if neighbors_key not in adata.uns or key not in adata.obsp:
        raise ValueError(
            f"neighbors_key={neighbors_key!r} has no graph of {graph} in adata.obsp, "
            f"which has {sorted(adata.obsp)}. Run scanpy.pp.neighbors first."
        )
    settings = {"neighbors_key": neighbors_key, "graph": graph}
    return sp.csr_array(adata.obsp[key]), settings


def _representation(adata, use_rep):
    """Matrix of a representation, dense, and its name."""
    if use_rep is None:
        use_rep = "X_pca" if "X_pca" in adata.obsm else "X"
    if use_rep != "X" and use_rep not in adata.obsm:
        raise ValueError(
            f"use_rep must be 'X' or one of {sorted(adata.obsm)}; got {use_rep!r}."
        )
    X = adata.X if use_rep == "X" else adata.obsm[use_rep]
    if X is None:
        raise ValueError("adata.X is None: name a representation with use_rep.")
    if not sp.issparse(X) and hasattr(X, "to_memory"):  # of a file
        X = X.to_memory()
    if sp.issparse(X):
        needed, free = np.prod(X.shape) * X.dtype.itemsize, available_memory()
        if needed > free:
            raise MemoryError(
                f"{use_rep} takes {needed / 2**30:.1f} GiB as a dense matrix, and "
                f"{free / 2**30:.1f} GiB are free. Use a representation of fewer "
                "features, such as 'X_pca'."
            )
        X = X.toarray()
    return X, {"use_rep": use_rep}


def _column(adata, groupby):
    """Labels or values of the cells."""
    names = [groupby] if isinstance(groupby, str) else list(groupby)
    unknown = [name for name in names if name not in adata.obs]
    if unknown or not names:
        raise ValueError(
            f"groupby must name columns of adata.obs, which has {list(adata.obs)}; got "
            f"{groupby!r}."
        )
    return adata.obs[names[0]] if len(names) == 1 else adata.obs[names]


def _with_graph(entropy, graph, settings):
    """Entropy with the affinity that takes the graph, if there is one.

    Of a graph of distances, the settings tell how many neighbors are taken.
    """
    if "graph" in settings:
        entropy.set_params(affinity=GRAPHS[settings["graph"]])
    if settings.get("graph") == "distances":
        # scanpy counts a cell among its own neighbours.
        fewest = max(1, int(np.diff(graph.indptr).min()))
        settings["n_neighbors"] = min(entropy.n_neighbors, fewest)
        entropy.set_params(n_neighbors=settings["n_neighbors"])
    return entropy


def _keep(adata, key_added, name, measure, attribute, settings):
    """Store what was measured in ``uns``, if there is a key for it."""
    if key_added is None:
        return
    settings = {key: value for key, value in settings.items() if value is not None}
    adata.uns[key_added] = {
        name: getattr(measure, f"{attribute}_"),
        name + ERROR: getattr(measure, f"{attribute}{ERROR}_"),
        "params": {
            key: value if isinstance(value, (str, int, float)) else str(value)
            for key, value in settings.items()
        },
    }
