"""AnnData, with the data set that comes with scanpy, and scanpy itself."""

import json
import os
import warnings
from importlib.util import find_spec

import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp

import skdse
from skdse import DiffusionSpectralEntropy, DiffusionSpectralMI
from skdse._cli.arguments import main

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    anndata = pytest.importorskip("anndata")

from skdse.integrations.anndata import dse, dsmi

# It warns of what it will do without.
pytestmark = pytest.mark.filterwarnings("default")


@pytest.fixture(scope="module", autouse=True)
def _texts_as_objects():
    """Texts of pandas 3, which AnnData does not yet write, are objects as before."""
    if pd.__version__ < "3":
        yield
        return
    with pd.option_context("future.infer_string", False):
        yield


@pytest.fixture
def adata():
    """Three kinds of cells, far apart, in two batches that are mixed."""
    r = np.random.default_rng(0)
    kind = np.arange(120) % 3
    rep = 8 * r.normal(size=(3, 5))[kind] + r.normal(size=(120, 5))
    obs = pd.DataFrame(
        {"kind": pd.Categorical(np.array(["T", "B", "NK"])[kind]), "size": rep[:, 0]},
        index=[f"cell {i}" for i in range(120)],
    )
    obs["batch"] = pd.Categorical(np.array(["a", "b"])[np.arange(120) // 3 % 2])
    counts = r.poisson(1.0, size=(120, 7)).astype(np.float32)
    obsm = {"X_pca": rep, "X_umap": rep[:, :2]}
    found = anndata.AnnData(sp.csr_matrix(counts), obs=obs, obsm=obsm)
    weights = np.exp(-((rep[:, None] - rep[None]) ** 2).sum(axis=2) / 10)
    weights[weights < 1e-3] = 0
    np.fill_diagonal(weights, 0)
    found.obsp["connectivities"] = sp.csr_matrix(weights)
    found.uns["neighbors"] = {"connectivities_key": "connectivities"}
    return found


# The same numbers
# ----------------


@pytest.mark.parametrize("use_rep", [None, "X_pca", "X_umap", "X"])
def test_representations_are_those_of_the_estimators(adata, use_rep):
    X = adata.X.toarray() if use_rep == "X" else adata.obsm[use_rep or "X_pca"]
    params = {"t": 2, "random_state": 0}
    expected = DiffusionSpectralEntropy(**params).fit(X).entropy_
    assert dse(adata, use_rep=use_rep, **params) == expected
    params = {"n_repeats": 3, "random_state": 0}
    expected = DiffusionSpectralMI(**params).fit(X, adata.obs["kind"]).mutual_info_
    assert dsmi(adata, "kind", use_rep=use_rep, **params) == expected


def test_without_a_pca_it_is_x(adata):
    del adata.obsm["X_pca"]
    assert dse(adata) == dse(adata, use_rep="X")


def test_views_frames_and_dense_x(adata):
    view = adata[:60]
    expected = DiffusionSpectralEntropy().fit(adata.obsm["X_pca"][:60]).entropy_
    assert dse(view) == expected
    adata.obsm["frame"] = pd.DataFrame(adata.obsm["X_pca"], index=adata.obs_names)
    assert dse(adata, use_rep="frame") == pytest.approx(dse(adata), abs=1e-10)
    of_sparse = dse(adata, use_rep="X")
    adata.X = adata.X.toarray()
    assert dse(adata, use_rep="X") == of_sparse


def test_a_file_that_is_not_in_memory(adata, tmp_path):
    expected = dse(adata, use_rep="X")
    for kind in (sp.csr_matrix, np.asarray):
        adata.X = kind(adata.X.toarray() if sp.issparse(adata.X) else adata.X)
        adata.write_h5ad(tmp_path / "a.h5ad")
        backed = anndata.read_h5ad(tmp_path / "a.h5ad", backed="r")
        assert dse(backed, use_rep="X") == expected
        assert dse(backed) == dse(adata)
        backed.file.close()


def test_graph_of_neighbours(adata):
    graph = sp.csr_array(adata.obsp["connectivities"])
    entropy = DiffusionSpectralEntropy(affinity="precomputed")
    assert dse(adata, neighbors_key="neighbors") == entropy.fit(graph).entropy_
    expected = DiffusionSpectralMI(entropy, random_state=0)
    expected = expected.fit(graph, adata.obs["kind"]).mutual_info_
    found = dsmi(adata, "kind", neighbors_key="neighbors", random_state=0)
    assert found == expected
    assert found > 0.2
    adata.obsp["mine_connectivities"] = 2 * adata.obsp.pop("connectivities")
    adata.uns["mine"] = {"connectivities_key": "mine_connectivities"}
    assert dsmi(adata, "kind", neighbors_key="mine", random_state=0) == pytest.approx(
        found, abs=1e-10
    )
    slow = DiffusionSpectralEntropy(t=3)
    params = {"neighbors_key": "mine", "random_state": 0}
    found = dsmi(adata, "kind", estimator=slow, **params)
    assert slow.affinity == "gaussian"
    expected = DiffusionSpectralMI(
        slow.set_params(affinity="precomputed"), random_state=0
    )
    expected = expected.fit(graph, adata.obs["kind"]).mutual_info_
    assert found == pytest.approx(expected, abs=1e-10)


def test_batches_that_are_mixed_and_that_are_not(adata):
    mixed = dsmi(adata, "batch", random_state=0)
    kinds = dsmi(adata, "kind", random_state=0)
    is_b = adata.obs["batch"].to_numpy() == "b"
    assert abs(mixed) < 0.1 < 0.4 < kinds
    adata.obsm["apart"] = adata.obsm["X_pca"] + 50 * is_b[:, None]
    apart = dsmi(adata, "batch", use_rep="apart", random_state=0)
    assert apart > 0.25
    both = dsmi(adata, ["batch", "kind"], use_rep="apart", random_state=0)
    assert both > apart
    assert dsmi(adata, "size", random_state=0, target="continuous") > 0.3


def test_results_are_stored_when_it_is_asked(adata, tmp_path):
    before = list(adata.uns)
    value = dsmi(adata, "kind", random_state=0)
    assert list(adata.uns) == before
    dsmi(adata, "kind", random_state=0, key_added="skdse")
    dse(adata, neighbors_key="neighbors", key_added="entropy")
    dsmi(adata, ["kind", "batch"], key_added="pairs", random_state=0)
    adata.write_h5ad(tmp_path / "a.h5ad")
    stored = anndata.read_h5ad(tmp_path / "a.h5ad").uns
    assert stored["skdse"]["dsmi"] == value
    assert stored["skdse"]["dsmi_std_error"] > 0
    params = {"groupby": "kind", "use_rep": "X_pca", "random_state": 0}
    assert stored["skdse"]["params"] == params
    params = {"neighbors_key": "neighbors", "graph": "connectivities"}
    assert stored["entropy"]["params"] == params


# Errors
# ------


@pytest.mark.parametrize(
    ("params", "message"),
    [
        (
            {"use_rep": "X_tsne"},
            r"use_rep must be 'X' or one of \['X_pca', 'X_umap'\]; ",
        ),
        ({"neighbors_key": "mine"}, "neighbors_key='mine' has no graph of connectivit"),
        (
            {"neighbors_key": "neighbors", "graph": "distances"},
            r"no graph of distances in adata.obsp, which has \['connectivities'\]",
        ),
        ({"graph": "x"}, r"graph must be one of \['connectivities', 'distances'\]"),
        ({"use_rep": "X", "neighbors_key": "neighbors"}, "name two things to measure"),
        ({"groupby": "cluster"}, "groupby must name columns of adata.obs, which has"),
        ({"groupby": []}, "groupby must name columns of adata.obs, which has"),
        ({"n_groups": 1}, "n_groups == 1, must be >= 2"),
    ],
)
def test_errors(adata, params, message):
    with pytest.raises(ValueError, match=message):
        dsmi(adata, **({"groupby": "kind"} | params))


def test_a_graph_has_an_affinity_of_its_own(adata):
    with pytest.raises(ValueError, match=r"own; got 'laplacian', too\. Pass"):
        dse(adata, neighbors_key="neighbors", affinity="laplacian")


def test_errors_of_what_is_not_there(adata, monkeypatch):
    with pytest.raises(TypeError, match="adata must be an AnnData; got"):
        dse(adata.obsm["X_pca"])
    with pytest.raises(TypeError, match="X of type AnnData holds several matrices"):
        skdse.diffusion_spectral_entropy(adata)
    adata.obs.loc["cell 3", "kind"] = None
    with pytest.raises(ValueError, match="y contains NaN"):
        dsmi(adata, "kind")
    monkeypatch.setattr("skdse.integrations.anndata.available_memory", lambda: 100)
    with pytest.raises(MemoryError, match=r"X takes 0\.0 GiB as a dense matrix, and"):
        dse(adata, use_rep="X")
    adata.X = None
    with pytest.raises(ValueError, match=r"adata\.X is None: name a representation"):
        dse(adata, use_rep="X")


# Files
# -----


@pytest.mark.parametrize("kind", ["h5ad", "packed h5ad", "zarr 2", "zarr 3"])
def test_report_gives_the_same(adata, tmp_path, monkeypatch, capsys, kind):
    monkeypatch.chdir(tmp_path)
    adata.obs["kind"] = adata.obs["kind"].cat.rename_categories(str)
    name = "a.zarr" if "zarr" in kind else "a.h5ad"
    if name == "a.zarr":
        with anndata.settings.override(zarr_write_format=int(kind[-1])):
            adata.write_zarr(name)
    else:
        adata.write_h5ad(name, compression="gzip" if "packed" in kind else None)
    arguments = ["report", "--json", "--labels", "obs/kind", "--bandwidth-scale", "1"]
    assert main([*arguments, f"{name}:obsm/X_pca"]) == 0
    (record,) = json.loads(capsys.readouterr().out)
    assert record["dse"] == dse(adata, random_state=0)
    assert record["dsmi_wide"] == dsmi(adata, "kind", random_state=0)
    assert main([*arguments, name]) == 0
    names = [one["name"] for one in json.loads(capsys.readouterr().out)]
    assert names == [f"{name}:X", f"{name}:obsm/X_pca", f"{name}:obsm/X_umap"]
    graph = [f"{name}:obsp/connectivities", "--affinity", "precomputed"]
    assert main([*arguments, *graph]) == 0
    (record,) = json.loads(capsys.readouterr().out)
    assert record["dse"] == dse(adata, neighbors_key="neighbors", random_state=0)
    # Of pairs, a sample has some of the rows and the same columns.
    assert main([*arguments, *graph, "--sample", "50"]) == 0
    (record,) = json.loads(capsys.readouterr().out)
    rows = np.sort(np.random.default_rng(0).choice(120, 50, replace=False))
    some = adata[rows].copy()
    assert record["dse"] == dse(some, neighbors_key="neighbors", random_state=0)
    expected = dsmi(some, "kind", neighbors_key="neighbors", random_state=0)
    assert record["dsmi_wide"] == expected
    # Columns of the same group come first, and none by its parts.
    with pytest.raises(SystemExit):
        main(["report", f"{name}:obsm/X_pca", "--labels", "obs/nope"])
    message = capsys.readouterr().err
    assert "no array 'obs/nope'; the file has ['obs/" in message
    assert "'obs/kind'" in message
    assert "codes" not in message


# scanpy
# ------


@pytest.fixture(scope="module")
def pbmc():
    """700 cells of the blood, with scanpy's own neighbours and clusters."""
    if find_spec("scanpy") is None:
        pytest.skip("needs scanpy")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import scanpy

        return scanpy.datasets.pbmc68k_reduced()


def test_kinds_of_cells_are_told_apart_and_batches_are_not(pbmc):
    of_kinds = dsmi(pbmc, "bulk_labels", random_state=0)
    of_clusters = dsmi(pbmc, "louvain", random_state=0)
    of_phase = dsmi(pbmc, "phase", random_state=0)
    adata = pbmc.copy()
    adata.obs["batch"] = np.random.default_rng(0).permutation(700) % 2
    of_batches = dsmi(adata, "batch", random_state=0)
    # Clusters of the very space are told best; the phase of the cell cycle is not.
    assert of_clusters > of_kinds > 0.5 > 0.2 > of_phase
    assert abs(of_batches) < 0.05
    X = pbmc.obsm["X_pca"]
    expected = DiffusionSpectralMI(random_state=0).fit(X, pbmc.obs["louvain"])
    assert of_clusters == expected.mutual_info_


@pytest.fixture(scope="module")
def neighbors(pbmc):
    """The cells with neighbours that scanpy has searched now, under a key."""
    import scanpy

    adata = pbmc.copy()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        scanpy.pp.neighbors(adata, n_neighbors=15, key_added="mine", random_state=0)
    return adata


@pytest.mark.parametrize("graph", ["connectivities", "distances"])
def test_neighbours_of_scanpy(neighbors, graph):
    params = {"estimator": DiffusionSpectralEntropy(t=3), "random_state": 0}
    of_old = dsmi(neighbors, "louvain", neighbors_key="neighbors", **params)
    of_new = dsmi(neighbors, "louvain", neighbors_key="mine", graph=graph, **params)
    of_phase = dsmi(neighbors, "phase", neighbors_key="mine", graph=graph, **params)
    assert of_old > 1
    assert of_new > 1 > 0.2 > of_phase


@pytest.mark.parametrize("t", [1, 3])
@pytest.mark.parametrize("n_neighbors", [9, 14])
def test_distances_of_scanpy_are_the_graph_of_the_estimators(neighbors, n_neighbors, t):
    graph = sp.csr_array(neighbors.obsp["mine_distances"])
    X, y = neighbors.obsm["X_pca"], neighbors.obs["louvain"]
    params = {"n_neighbors": n_neighbors, "t": t}
    entropy = DiffusionSpectralEntropy(**params)
    of_graph = {"neighbors_key": "mine", "graph": "distances"}
    found = (
        dse(neighbors, **of_graph, **params),
        dsmi(neighbors, "louvain", **of_graph, estimator=entropy, random_state=0),
    )
    entropy.set_params(affinity="precomputed_nearest_neighbors")
    mutual_info = DiffusionSpectralMI(entropy, random_state=0)
    assert found[0] == entropy.fit(graph).entropy_
    assert found[1] == mutual_info.fit(graph, y).mutual_info_
    # Both search all pairs of so few cells; distances differ by their rounding.
    entropy.set_params(affinity="nearest_neighbors")
    assert found[0] == pytest.approx(entropy.fit(X).entropy_, abs=1e-7)
    assert found[1] == pytest.approx(mutual_info.fit(X, y).mutual_info_, abs=1e-7)


def test_a_graph_has_at_most_the_neighbours_that_it_has(neighbors):
    # scanpy's 15 neighbours are the cell itself and 14 others; the default is 15.
    of_graph = {"neighbors_key": "mine", "graph": "distances"}
    adata = neighbors.copy()
    found = dse(adata, **of_graph, n_neighbors=30, key_added="skdse")
    assert found == dse(adata, **of_graph) == dse(adata, **of_graph, n_neighbors=14)
    assert adata.uns["skdse"]["params"] == of_graph | {"n_neighbors": 14}
    dsmi(adata, "louvain", **of_graph, key_added="skdse")
    assert adata.uns["skdse"]["params"]["n_neighbors"] == 14


def test_graphs_in_a_file_of_scanpy(neighbors, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    adata = neighbors.copy()
    del adata.raw
    adata.write_h5ad("a.h5ad")
    file = "a.h5ad:obsp/mine_distances"
    options = ["--affinity", "precomputed_nearest_neighbors", "--n-neighbors", "14"]
    assert main(["report", file, *options, "--labels", "obs/louvain", "--json"]) == 0
    (record,) = json.loads(capsys.readouterr().out)
    graph = {"neighbors_key": "mine", "graph": "distances", "random_state": 0}
    assert record["dse"] == dse(adata, **graph)
    with pytest.raises(SystemExit):
        main(["report", file])
    assert (
        "needs --affinity precomputed, or precomputed_nearest_"
        in capsys.readouterr().err
    )


def test_file_of_scanpy(pbmc, capsys):
    import scanpy

    folder = os.path.dirname(scanpy.datasets.__file__)
    file = f"{folder}/10x_pbmc68k_reduced.h5ad:obsm/X_pca"
    arguments = ["--labels", "obs/louvain", "--bandwidth-scale", "1", "--json"]
    assert main(["report", file, *arguments]) == 0
    (record,) = json.loads(capsys.readouterr().out)
    assert record["dse"] == dse(pbmc, random_state=0)
    assert record["dsmi_wide"] == dsmi(pbmc, "louvain", random_state=0)
