"""Folders of Zarr, versions 2 and 3, and of AnnData in it.

What describes an array is read here, and looked through, before zarr opens it: a codec
named there is code that runs, one of them unpickles, and chunks may be links to other
files. Arrays are opened one by one, so that nothing but their own description counts.
"""

import os
from pathlib import Path

import numpy as np

from ..errors import extra
from .limits import (
    DEFLATE_RATIO,
    Blocks,
    check_chunk,
    check_declared,
    packed_size,
    read_description,
)
from .stores import DEEPEST, MOST_ARRAYS, array_in, no_array, shapes_in, text_of

CODECS = {
    *("blosc", "zlib", "gzip", "zstd", "lz4", "shuffle", "delta", "vlen-utf8"),
    *("bytes", "transpose", "crc32c", "sharding_indexed"),
}
DESCRIPTIONS = (".zarray", ".zgroup", "zarr.json")


def is_zarr(path):
    """Whether a folder is one of Zarr."""
    return path.is_dir() and any((path / name).is_file() for name in DESCRIPTIONS)


def zarr_arrays(path, without=None):
    """Shape of each array below a folder; in AnnData of the matrices of samples."""
    store = _ZarrStore(path)
    is_anndata = text_of(store.attributes("").get("encoding-type")) == "anndata"
    found = shapes_in(store, is_anndata)
    return {key or None: shape for key, shape in found.items()}


def read_zarr(path, key=None, without=None):
    """Array below a folder, which stays on the disk until rows are read."""
    return array_in(_ZarrStore(path), key or "")


class _ZarrStore:
    """Arrays below a folder."""

    def __init__(self, path):
        self.path = path

    def shapes(self):
        """Shape of each array of numbers, by its key."""
        found = {}
        for folder, folders, files in os.walk(self.path):
            inside = Path(folder).relative_to(self.path)
            if len(inside.parts) >= DEEPEST or _is_array(Path(folder), files):
                folders.clear()  # of an array, the chunks
            if _is_array(Path(folder), files):
                key = "" if inside == Path() else inside.as_posix()
                found[key] = _shape_of_numbers(_description(Path(folder)))
            if len(found) > MOST_ARRAYS:
                raise ValueError(f"it has more than {MOST_ARRAYS} arrays.")
        return dict(sorted(found.items()))

    def attributes(self, key):
        """Attributes of a group or array, none of what is neither."""
        folder = self._folder(key)
        if (folder / ".zattrs").is_file():
            return _json(folder / ".zattrs")
        if (folder / "zarr.json").is_file():
            found = _json(folder / "zarr.json").get("attributes")
            return found if isinstance(found, dict) else {}
        return {}

    def array(self, key):
        """Array of a key, once its description is known to be harmless."""
        folder = self._folder(key)
        if not folder.is_dir() or not _is_array(folder, os.listdir(folder)):
            raise ValueError(no_array(key, self.shapes()))
        description = _description(folder)
        shape, dtype, chunk, codecs = _described(description)
        unknown = sorted(set(codecs) - CODECS)
        if unknown:
            raise ValueError(
                f"{key!r} is packed by {unknown}, which is not among the codecs that "
                f"are read: {sorted(CODECS)}."
            )
        stored = _stored_bytes(folder, None if _is_text(dtype) else chunk, dtype)
        check_declared(shape, dtype, stored, DEFLATE_RATIO)
        check_chunk(chunk, shape, dtype, stored, DEFLATE_RATIO)
        return _opened(folder, shape, dtype)

    def _folder(self, key):
        """Folder of a key, which must lie below that of the store."""
        folder = self.path / key
        if not folder.resolve().is_relative_to(self.path.resolve()):
            raise ValueError(f"{key!r} lies outside of the folder.")
        return folder


def _opened(folder, shape, dtype):
    """Array of a folder, by zarr."""
    with extra("zarr", "reading .zarr"):
        import zarr
    array = zarr.open_array(str(folder), mode="r")
    if tuple(array.shape) != shape:
        raise ValueError("its description is not clear.")
    if _is_text(dtype):
        return np.array(np.asarray(array[...]).tolist(), dtype=str)
    if array.dtype != dtype or not shape:
        raise ValueError("its description is not clear.")
    return Blocks(shape, dtype, lambda start, stop: np.asarray(array[start:stop]))


def _is_array(folder, names):
    """Whether a folder with files of these names is an array."""
    if ".zarray" in names:
        return True
    if "zarr.json" not in names:
        return False
    return _json(folder / "zarr.json").get("node_type") == "array"


def _description(folder):
    """What describes the array of a folder."""
    if (folder / ".zarray").is_file() and (folder / "zarr.json").is_file():
        raise ValueError("it is described twice, as of version 2 and as of version 3.")
    name = ".zarray" if (folder / ".zarray").is_file() else "zarr.json"
    return _json(folder / name)


def _json(path):
    """Content of a description, which must lie in its folder."""
    if path.is_symlink():
        raise ValueError(f"{path.name} is a link.")
    return read_description(path)


def _described(content):
    """Shape, dtype, shape of a chunk and codecs of an array."""
    try:
        if "node_type" in content:
            dtype, codecs = content["data_type"], _codecs(content["codecs"])
            if isinstance(dtype, dict) and dtype["name"] == "fixed_length_utf32":
                dtype = f"U{int(dtype['configuration']['length_bytes']) // 4}"
            chunk = content["chunk_grid"]["configuration"]["chunk_shape"]
            if content.get("storage_transformers"):
                raise ValueError("storage transformers are not read.")
        else:
            dtype, chunk = content["dtype"], content["chunks"]
            packers = [content.get("compressor"), *(content.get("filters") or ())]
            codecs = [str(one["id"]) for one in packers if one is not None]
        shape = content["shape"]
        are_numbers = all(type(n) is int and n >= 0 for n in (*shape, *chunk))
        dtype = np.dtype({"|O": "U", "string": "U"}.get(dtype, dtype))
    except (KeyError, TypeError, AttributeError) as error:
        raise ValueError("its description is damaged or not known here.") from error
    if not are_numbers or len(shape) != len(chunk) or 0 in chunk or dtype.hasobject:
        raise ValueError("its description is damaged or not known here.")
    if _is_text(dtype) and "vlen-utf8" not in codecs:
        raise ValueError(
            f"it holds Python objects, packed by {codecs}; reading these could run any "
            "code, and no file may."
        )
    return tuple(shape), dtype, tuple(chunk), codecs


def _shape_of_numbers(description):
    """Shape of an array of numbers, () of any other."""
    try:
        shape, dtype, *_ = _described(description)
    except ValueError:  # not measured, until it is asked for
        return ()
    return shape if dtype.kind in "biuf" else ()


def _codecs(described):
    """Names of codecs, and of those inside of them."""
    names = []
    for one in described:
        names.append(str(one["name"]))
        inner = one.get("configuration") or {}
        for part in ("codecs", "index_codecs"):
            names += _codecs(inner.get(part) or ())
    return names


def _is_text(dtype):
    """Whether an array holds texts of any length."""
    return dtype.kind == "U" and dtype.itemsize == 0


def _stored_bytes(folder, chunk, dtype):
    """Bytes of the chunks of an array, none of which is a link or too large."""
    largest = None
    if chunk is not None:
        largest = packed_size(chunk, dtype)
    total = 0
    for inside, folders, files in os.walk(folder):
        for name in (*folders, *files):
            if os.path.islink(os.path.join(inside, name)):
                raise ValueError(f"{name!r} is a link, which may lead to other files.")
        for name in files:
            size = os.path.getsize(os.path.join(inside, name))
            if largest is not None and name not in DESCRIPTIONS and size > largest:
                raise ValueError(f"the chunk {name!r} is too large: it is damaged.")
            total += size
    return total
