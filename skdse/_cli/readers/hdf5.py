"""Files of HDF5, and of AnnData in it: arrays by their keys, from this file alone.

HDF5 lets an array lie in other files (external links, external storage, virtual
datasets) and be unpacked by a plug-in that it looks for. All of that is refused.
"""

from contextlib import contextmanager

import numpy as np

from ..errors import extra
from .hdf5_chunks import FILTERS, blocks_of_chunks, filters_of
from .hdf5_texts import check_attributes, texts_in
from .limits import DEFLATE_RATIO, check_declared, rows_of
from .stores import DEEPEST, MOST_ARRAYS, array_in, no_array, shapes_in

SIGNATURE = b"\x89HDF\r\n\x1a\n"
ELSEWHERE = "which would read other files; an array must lie in the file itself."


def hdf5_arrays(path, without=None):
    """Shape of each array of a file; in AnnData of the matrices of samples alone."""
    with _opened(path) as store:
        return shapes_in(store, path.suffix.lower() == ".h5ad")


def read_hdf5(path, key, without=None):
    """Array of a file, which stays on the disk where it is not in chunks."""
    with _opened(path) as store:
        return array_in(store, key)


@contextmanager
def _opened(path):
    """Store of a file of HDF5."""
    with extra("hdf5", f"reading {path.suffix}"):
        import h5py
    with open(path, "rb") as file:
        if file.read(8) != SIGNATURE:
            raise ValueError("not a file of HDF5.")
    with h5py.File(path, "r") as file:
        yield _Hdf5Store(path, file)


class _Hdf5Store:
    """Arrays of an open file."""

    def __init__(self, path, file):
        self.path = path
        self.file = file

    def shapes(self):
        """Shape of each array of numbers, by its key."""
        import h5py

        found, groups, seen = {}, [("", self.file)], set()
        while groups:
            prefix, group = groups.pop()
            place = h5py.h5o.get_info(group.id).addr
            if place in seen or prefix.count("/") > DEEPEST:
                continue
            seen.add(place)
            for name in group:
                node = self._child(group, name)
                if isinstance(node, h5py.Group):
                    groups.append((f"{prefix}{name}/", node))
                elif isinstance(node, h5py.Dataset):
                    found |= _shapes_of(f"{prefix}{name}", node)
            if len(found) > MOST_ARRAYS:
                raise ValueError(f"it has more than {MOST_ARRAYS} arrays.")
        return dict(sorted(found.items()))

    def attributes(self, key):
        """Attributes of a group, none of what is no group."""
        import h5py

        node = self._node(key)
        if not isinstance(node, h5py.Group):
            return {}
        check_attributes(self.path, node)
        return dict(node.attrs)

    def array(self, key):
        """Array of a key, or a column of a table: "table/column"."""
        import h5py

        node = self._node(key)
        if isinstance(node, h5py.Dataset):
            return _content(self.path, key, node)
        table, _, column = key.rpartition("/")
        node = self._node(table) if table else None
        if isinstance(node, h5py.Dataset) and column in (node.dtype.names or ()):
            return rows_of(_content(self.path, table, node))[column]
        raise ValueError(no_array(key, self.shapes()))

    def _node(self, key):
        """Group or dataset of a key, None where there is none."""
        import h5py

        node = self.file
        for name in key.split("/"):
            if not isinstance(node, h5py.Group) or name not in node.keys():
                return None
            node = self._child(node, name)
        return node

    def _child(self, group, name):
        """What a name in a group is, without following a link."""
        import h5py

        link = group.get(name, getlink=True)
        if isinstance(link, h5py.ExternalLink):
            raise ValueError(f"{name!r} is an external link, {ELSEWHERE}")
        # A soft link is another name, and may name an external link.
        return group.get(name) if isinstance(link, h5py.HardLink) else None


def _shapes_of(key, dataset):
    """Shape of a dataset, or of each column of a table."""
    _refuse_virtual(key, dataset.id.get_create_plist())
    shape = dataset.shape or ()
    names = dataset.dtype.names
    if names is None:
        return {key: shape if dataset.dtype.kind in "biuf" else ()}
    types = {name: dataset.dtype[name] for name in names}
    return {
        f"{key}/{name}": (*shape, *one.shape) if one.base.kind in "biuf" else ()
        for name, one in types.items()
    }


def _refuse_virtual(key, plan):
    """Raise where a dataset is made of parts of other files."""
    import h5py

    if plan.get_layout() == h5py.h5d.VIRTUAL:
        raise ValueError(f"{key!r} is a virtual dataset, {ELSEWHERE}")


def _content(path, key, dataset):
    """Content of a dataset, once it is known to lie in the file."""
    import h5py

    plan = dataset.id.get_create_plist()
    _refuse_virtual(key, plan)
    if plan.get_external_count():
        raise ValueError(f"{key!r} has external storage, {ELSEWHERE}")
    filters = {number for number, _ in filters_of(dataset)}
    if not filters <= FILTERS:
        raise ValueError(
            f"{key!r} is compressed by filters {sorted(filters - FILTERS)}, which are "
            "plug-ins or rare. Write it with gzip, lzf or none."
        )
    shape, dtype, stored = dataset.shape, dataset.dtype, dataset.id.get_storage_size()
    if shape is None:
        raise ValueError(f"{key!r} is empty.")
    if dtype.hasobject:
        return _texts(path, key, dataset)
    kind = dataset.id.get_type()
    is_plain = isinstance(kind, (h5py.h5t.TypeFloatID, h5py.h5t.TypeIntegerID))
    if is_plain and not kind.equal(h5py.h5t.py_create(dtype)):
        raise ValueError(f"{key!r} has numbers of a type that NumPy does not have.")
    stored = min(stored, path.stat().st_size)
    ratio = DEFLATE_RATIO if filters else 1
    check_declared(shape, dtype, stored, ratio)
    offset = dataset.id.get_offset()
    if offset is not None and 0 not in shape:
        return np.memmap(path, dtype, "r", offset, shape)
    if not plan.get_layout() == h5py.h5d.CHUNKED:
        return dataset[()]
    return blocks_of_chunks(path, key, dataset, ratio)


def _texts(path, key, dataset):
    """Texts of a dataset."""
    import h5py

    if h5py.check_string_dtype(dataset.dtype) is None:
        raise ValueError(f"{key!r} holds neither numbers nor text.")
    # Each takes at least the 16 bytes of a reference.
    check_declared(dataset.shape, "V16", dataset.id.get_storage_size(), DEFLATE_RATIO)
    return texts_in(path, key, dataset)
