"""The same samples and labels in files of every kind that the command line reads."""

from pathlib import Path

import numpy as np
import pytest


def write_npy(path, Z, y):
    np.save(path, Z)


def write_npz(path, Z, y):
    np.savez(path, Z=Z, y=y)


def write_packed_npz(path, Z, y):
    np.savez_compressed(path, Z=Z, y=y)


def write_csv(path, Z, y, separator=","):
    lines = [[*(f"x{i}" for i in range(Z.shape[1])), "y"]]
    lines += [
        [*map(repr, row.tolist()), str(label)] for row, label in zip(Z, y, strict=True)
    ]
    text = "\n".join(separator.join(line) for line in lines)
    Path(path).write_text(f"{text}\n", encoding="utf-8")


def write_tsv(path, Z, y):
    write_csv(path, Z, y, separator="\t")


def write_safetensors(path, Z, y):
    # As its own package writes it, see test_readers.py.
    import json

    arrays = {"Z": np.ascontiguousarray(Z), "y": np.ascontiguousarray(y)}
    header, begin = {"__metadata__": {"format": "np"}}, 0
    for name, one in arrays.items():
        end = begin + one.nbytes
        kind = {"<f8": "F64", "<f4": "F32", "<i8": "I64"}[one.dtype.str]
        header[name] = {"dtype": kind, "shape": one.shape, "data_offsets": [begin, end]}
        begin = end
    text = json.dumps(header).encode()
    content = [len(text).to_bytes(8, "little"), text, *map(bytes, arrays.values())]
    Path(path).write_bytes(b"".join(content))


def write_pt(path, Z, y):
    torch = pytest.importorskip("torch")
    inner = {"y": torch.from_numpy(y), "epoch": 3}
    torch.save({"Z": torch.from_numpy(Z), "inner": inner}, path)


def write_hdf5(path, Z, y):
    h5py = pytest.importorskip("h5py")
    with h5py.File(path, "w") as file:
        file["Z"], file["y"] = Z, y


def write_packed_hdf5(path, Z, y, **packed):
    h5py = pytest.importorskip("h5py")
    packed = packed or {"compression": "gzip", "shuffle": True, "fletcher32": True}
    with h5py.File(path, "w") as file:
        file.create_dataset("Z", data=Z, chunks=(7, Z.shape[1]), **packed)
        file["y"] = y


def write_lzf_hdf5(path, Z, y):
    write_packed_hdf5(path, Z, y, compression="lzf", shuffle=True)


def write_h5ad(path, Z, y):
    """What AnnData writes of cells in ``obsm`` and of a column of categories."""
    h5py = pytest.importorskip("h5py")
    names, codes = np.unique(y, return_inverse=True)
    packed = {"compression": "gzip", "chunks": True}
    with h5py.File(path, "w") as file:
        file.create_dataset("obsm/Z", data=Z, **packed)
        file.create_dataset("obs/y/codes", data=codes.astype("i1"), **packed)
        texts = [f"group {name}" for name in names]
        file.create_dataset("obs/y/categories", data=texts, **packed)
        file["obs/y"].attrs["encoding-type"] = "categorical"


def write_zarr(path, Z, y, version=2, **options):
    zarr = pytest.importorskip("zarr", minversion="3")
    group = zarr.open_group(str(path), mode="w", zarr_format=version)
    group.create_array("Z", data=Z, chunks=(7, 2), **options)
    group.create_array("y", data=y)


def write_zarr_3(path, Z, y):
    write_zarr(path, Z, y, version=3)


def write_sharded_zarr(path, Z, y):
    write_zarr(path, Z, y, version=3, shards=(14, Z.shape[1] // 2 * 2))


def table_of(Z, y, fixed=False):
    import pyarrow

    rows = pyarrow.array(list(Z))
    if fixed:
        rows = pyarrow.FixedSizeListArray.from_arrays(
            pyarrow.array(Z.ravel()), Z.shape[1]
        )
    ids = [f"row {i}" for i in range(len(Z))]
    return pyarrow.table({"id": ids, "Z": rows, "y": y})


def write_parquet(path, Z, y, fixed=False):
    pytest.importorskip("pyarrow")
    import pyarrow.parquet

    table = table_of(Z, y, fixed)
    pyarrow.parquet.write_table(table, path, row_group_size=17)


def write_fixed_parquet(path, Z, y):
    write_parquet(path, Z, y, fixed=True)


def write_feather(path, Z, y):
    pytest.importorskip("pyarrow")
    import pyarrow.feather

    pyarrow.feather.write_feather(table_of(Z, y, True), path, "uncompressed")


def write_packed_feather(path, Z, y):
    pytest.importorskip("pyarrow")
    import pyarrow.feather

    pyarrow.feather.write_feather(table_of(Z, y), path, compression="lz4")


def write_arrow(path, Z, y):
    pyarrow = pytest.importorskip("pyarrow")
    table = table_of(Z, y)
    with pyarrow.OSFile(str(path), "wb") as file:
        with pyarrow.ipc.new_stream(file, table.schema) as writer:
            writer.write_table(table, max_chunksize=11)


def write_dataset(path, Z, y):
    # As datasets.Dataset.save_to_disk writes it, see test_readers.py.
    import json

    Path(path).mkdir()
    write_arrow(f"{path}/data-00000-of-00001.arrow", Z, y)
    state = {"_data_files": [{"filename": "data-00000-of-00001.arrow"}]}
    Path(path, "state.json").write_text(json.dumps(state))
    Path(path, "dataset_info.json").write_text("{}")


# Name of the file, what writes it, and the keys of the samples and of the labels.
KINDS = {
    "npy": ("a.npy", write_npy, None, None),
    "npz": ("a.npz", write_npz, "Z", "y"),
    "packed npz": ("b.npz", write_packed_npz, "Z", "y"),
    "csv": ("a.csv", write_csv, None, "y"),
    "tsv": ("a.tsv", write_tsv, None, "y"),
    "safetensors": ("a.safetensors", write_safetensors, "Z", "y"),
    "pt": ("a.pt", write_pt, "Z", "inner/y"),
    "hdf5": ("a.h5", write_hdf5, "Z", "y"),
    "packed hdf5": ("b.hdf5", write_packed_hdf5, "Z", "y"),
    "lzf hdf5": ("c.h5", write_lzf_hdf5, "Z", "y"),
    "h5ad": ("a.h5ad", write_h5ad, "obsm/Z", "obs/y"),
    "zarr 2": ("a.zarr", write_zarr, "Z", "y"),
    "zarr 3": ("b.zarr", write_zarr_3, "Z", "y"),
    "sharded zarr": ("c.zarr", write_sharded_zarr, "Z", "y"),
    "parquet": ("a.parquet", write_parquet, "Z", "y"),
    "fixed parquet": ("b.parquet", write_fixed_parquet, "Z", "y"),
    "feather": ("a.feather", write_feather, "Z", "y"),
    "packed feather": ("b.feather", write_packed_feather, "Z", "y"),
    "arrow": ("a.arrow", write_arrow, "Z", "y"),
    "data set": ("dataset", write_dataset, "Z", "y"),
}
