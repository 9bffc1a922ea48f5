"""Files of ``torch.save``: tensors alone, memory-mapped, and without PyTorch.

Such a file is an archive with a pickle, which says how tensors lie in the storages
beside it; `tensor_pickles` makes descriptions of it, and runs nothing.

archive ─► descriptions of tensors ─► memory maps.
"""

import zipfile

import numpy as np

from .archives import offset_of, open_archive
from .limits import LARGEST_HEADER, check_declared
from .safetensors import DTYPES, as_numbers
from .tensor_pickles import Unread, tensors_of


def pt_arrays(path, without=None):
    """Shape of each tensor of a file."""
    with _archive(path) as archive:
        tensors = _tensors(archive)
    unread = {key: one for key, one in tensors.items() if isinstance(one, Unread)}
    for one in unread.values() if len(unread) == len(tensors) else ():
        raise ValueError(_not_read(one))
    return {key: () if key in unread else one.size for key, one in tensors.items()}


def read_pt(path, key=None, without=None):
    """Tensor of a file, which stays on the disk; one of bfloat16 as float32."""
    with _archive(path) as archive:
        tensors = _tensors(archive)
        if key not in tensors:
            raise ValueError(f"no tensor of this name; the file has {list(tensors)}.")
        if isinstance(tensors[key], Unread):
            raise ValueError(_not_read(tensors[key]))
        return _mapped(path, archive, tensors[key])


def _not_read(tensor):
    """Message that the numbers of a tensor are not read."""
    return (
        f"{tensor.what} is not read. Save it dense and of real numbers, for instance "
        "tensor.to_dense().float()."
    )


def _archive(path):
    """Archive as PyTorch 1.6 and later write it."""
    return open_archive(
        path,
        "not an archive as torch.save writes it since PyTorch 1.6. Older files are "
        "pickles: load those that you trust, and save them again.",
    )


def _tensors(archive):
    """Description of each tensor by its name, those of inner dictionaries with /."""
    names = [one for one in archive.namelist() if one.endswith("/data.pkl")]
    if len(names) != 1 or any(
        one.endswith("constants.pkl") for one in archive.namelist()
    ):
        raise ValueError("not tensors as torch.save writes them.")
    entry = archive.getinfo(names[0])
    if entry.file_size > LARGEST_HEADER or entry.compress_type != zipfile.ZIP_STORED:
        raise ValueError(
            f"its pickle has {entry.file_size} bytes, or is compressed: at most "
            f"{LARGEST_HEADER} are read, which describe thousands of tensors."
        )
    return tensors_of(archive.read(entry))


def _mapped(path, archive, tensor):
    """Memory map of a tensor."""
    storage = _storage(path, archive, tensor)
    check_declared(tensor.size, storage.dtype, storage.nbytes)
    if 0 in tensor.size:
        return np.empty(tensor.size, storage.dtype)
    last = tensor.offset + sum(
        (n - 1) * step for n, step in zip(tensor.size, tensor.stride, strict=True)
    )
    if last >= len(storage):
        raise ValueError("a tensor reaches beyond its storage: the file is damaged.")
    view = np.lib.stride_tricks.as_strided(
        storage[tensor.offset :],
        tensor.size,
        [step * storage.itemsize for step in tensor.stride],
        writeable=False,
    )
    return as_numbers(view, tensor.kind)


def _storage(path, archive, tensor):
    """Memory map of the numbers of the storage of a tensor."""
    (pickled,) = [one for one in archive.namelist() if one.endswith("/data.pkl")]
    folder = pickled.removesuffix("data.pkl")
    names = archive.namelist()
    if f"{folder}data/{tensor.storage.name}" not in names:
        raise ValueError("a storage is missing: the file is damaged.")
    entry = archive.getinfo(f"{folder}data/{tensor.storage.name}")
    dtype = np.dtype(DTYPES[tensor.kind])
    order = f"{folder}byteorder"
    if order in names and archive.read(order) == b"big":
        dtype = dtype.newbyteorder(">")
    n = entry.file_size // dtype.itemsize
    if n == 0:
        return np.empty(0, dtype)
    if entry.compress_type != zipfile.ZIP_STORED:
        raise ValueError("its storages are compressed, as torch.save does not do it.")
    return np.memmap(path, dtype, "r", offset_of(path, entry), (n,))
