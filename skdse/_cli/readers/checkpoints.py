"""Files of ``torch.save``: tensors alone, memory-mapped, and without PyTorch.

Such a file is an archive with a pickle, which says how tensors lie in the storages
beside it. A pickle can call whatever it names. This one is read by an unpickler that
knows six names, and gives for each a function of its own, which makes a description of
a tensor; it is what PyTorch calls ``weights_only``, without the code behind it.

archive ─► opcodes, counted and looked through ─► descriptions ─► memory maps.
"""

import io
import pickle
import pickletools
import zipfile
from dataclasses import dataclass

import numpy as np

from .archives import offset_of, open_archive
from .limits import LARGEST_HEADER, check_declared
from .safetensors import DTYPES, as_numbers

# By the names of PyTorch, those of safetensors.
STORAGES = {
    "DoubleStorage": "F64",
    "FloatStorage": "F32",
    "HalfStorage": "F16",
    "BFloat16Storage": "BF16",
    "LongStorage": "I64",
    "IntStorage": "I32",
    "ShortStorage": "I16",
    "CharStorage": "I8",
    "ByteStorage": "U8",
    "BoolStorage": "BOOL",
}
SIMPLER = (
    "Reading it could run any code, and no file may. Save the tensors alone: "
    "torch.save(model.state_dict(), file)."
)
# Tuples, dictionaries, tensors: some six for each tensor.
MOST_OBJECTS = 300_000
MAKES_OBJECTS = {
    *("EMPTY_LIST", "EMPTY_DICT", "EMPTY_SET", "EMPTY_TUPLE", "LIST", "DICT"),
    *("TUPLE", "TUPLE1", "TUPLE2", "TUPLE3", "FROZENSET", "REDUCE", "BUILD"),
    *("GLOBAL", "STACK_GLOBAL", "OBJ", "INST", "NEWOBJ", "NEWOBJ_EX", "BINPERSID"),
}


def pt_arrays(path, without=None):
    """Shape of each tensor of a file."""
    with _archive(path) as archive:
        return {key: one.size for key, one in _tensors(archive).items()}


def read_pt(path, key=None, without=None):
    """Tensor of a file, which stays on the disk; one of bfloat16 as float32."""
    with _archive(path) as archive:
        tensors = _tensors(archive)
        if key not in tensors:
            raise ValueError(f"no tensor of this name; the file has {list(tensors)}.")
        return _mapped(path, archive, tensors[key])


@dataclass(frozen=True)
class _Storage:
    """Numbers of a type, in an entry of the archive."""

    kind: str
    name: str


@dataclass(frozen=True)
class _Tensor:
    """How a tensor lies in its storage."""

    storage: _Storage
    offset: int
    size: tuple
    stride: tuple


class _Mapping(dict):
    """Dictionary to which a pickle may give attributes, as state dicts have them."""


def _tensor(storage, offset, size, stride, *_):
    """Make the description of a tensor."""
    numbers = (offset, *size, *stride)
    if not isinstance(storage, _Storage) or len(size) != len(stride):
        raise ValueError("describes no tensor.")
    if any(type(n) is not int or n < 0 for n in numbers):
        raise ValueError("describes no tensor.")
    return _Tensor(storage, offset, tuple(size), tuple(stride))


def _parameter(tensor, *_):
    """Return the tensor of a parameter."""
    return tensor


NAMES = {
    ("torch._utils", "_rebuild_tensor_v2"): _tensor,
    ("torch._utils", "_rebuild_parameter"): _parameter,
    ("torch", "Size"): tuple,
    ("collections", "OrderedDict"): _Mapping,
    **{("torch", name): kind for name, kind in STORAGES.items()},
}


class _Unpickler(pickle.Unpickler):
    """Unpickler that calls nothing but what makes descriptions."""

    def find_class(self, module, name):
        """Return what stands for a name."""
        if (module, name) not in NAMES:
            raise ValueError(f"holds more than tensors: {module}.{name}. {SIMPLER}")
        return NAMES[module, name]

    def persistent_load(self, pid):
        """Description of a storage."""
        kind, of_type, name, *_ = pid
        if kind != "storage" or of_type not in STORAGES.values():
            raise ValueError("describes no tensor.")
        return _Storage(of_type, str(name))


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
    content = archive.read(entry)
    _check_opcodes(content)
    found, seen = {}, set()
    _collect(_Unpickler(io.BytesIO(content)).load(), "", found, seen)
    return found


def _check_opcodes(content):
    """Raise where a pickle would make more objects than tensors need."""
    n_objects = 0
    for opcode, argument, _ in pickletools.genops(content):
        n_objects += opcode.name in MAKES_OBJECTS
        if opcode.name == "GLOBAL" and tuple(argument.split(" ", 1)) not in NAMES:
            name = argument.replace(" ", ".")
            raise ValueError(f"holds more than tensors: {name}. {SIMPLER}")
        # The unpickler keeps a list as long as the largest number of a memo.
        is_far = opcode.name.endswith("PUT") and int(argument) > MOST_OBJECTS * 4
        if n_objects > MOST_OBJECTS or is_far:
            raise ValueError("its pickle makes too many objects for a file of tensors.")


def _collect(content, name, found, seen):
    """Collect the tensors in dictionaries and lists, each of which is seen once."""
    stack = [(name, content)]
    while stack:
        name, content = stack.pop()
        if isinstance(content, _Tensor):
            found[name or None] = content
        if isinstance(content, (dict, list, tuple)) and id(content) not in seen:
            seen.add(id(content))
            is_dict = isinstance(content, dict)
            inner = content.items() if is_dict else enumerate(content)
            stack += [
                (f"{name}/{key}" if name else str(key), one) for key, one in inner
            ][::-1]


def _mapped(path, archive, tensor):
    """Memory map of a tensor."""
    storage = _storage(path, archive, tensor.storage)
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
    return as_numbers(view, tensor.storage.kind)


def _storage(path, archive, storage):
    """Memory map of the numbers of a storage."""
    (pickled,) = [one for one in archive.namelist() if one.endswith("/data.pkl")]
    folder = pickled.removesuffix("data.pkl")
    names = archive.namelist()
    if f"{folder}data/{storage.name}" not in names:
        raise ValueError("a storage is missing: the file is damaged.")
    entry = archive.getinfo(f"{folder}data/{storage.name}")
    dtype = np.dtype(DTYPES[storage.kind])
    order = f"{folder}byteorder"
    if order in names and archive.read(order) == b"big":
        dtype = dtype.newbyteorder(">")
    n = entry.file_size // dtype.itemsize
    if n == 0:
        return np.empty(0, dtype)
    if entry.compress_type != zipfile.ZIP_STORED:
        raise ValueError("its storages are compressed, as torch.save does not do it.")
    return np.memmap(path, dtype, "r", offset_of(path, entry), (n,))
