"""The pickle in a file of ``torch.save``: which tensors there are, and where they lie.

A pickle can call whatever it names. This one is read by an unpickler that gives, for a
name that it knows, a function of its own, which makes a description and nothing else;
all other names are refused. Known are those that PyTorch allows with ``weights_only``,
as far as files of numbers have them: of tensors, and of what stands beside them, such
as devices, types and sets. Of the latter nothing is kept.

opcodes, counted and looked through (`pickle_work`) ─► objects ─► descriptions by names.
"""

import io
import pickle
from dataclasses import dataclass

from .pickle_work import check_work

# By the names of PyTorch, those of safetensors; None where the numbers are not read.
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
    "ComplexFloatStorage": None,
    "ComplexDoubleStorage": None,
    **dict.fromkeys(("QInt8Storage", "QUInt8Storage", "QInt32Storage")),
}
# Types without storages of their own.
LATER_TYPES = {"uint16": "U16", "uint32": "U32", "uint64": "U64"}
# Beside them, how numbers are quantized.
TYPES = (
    *("float64", "float32", "float16", "bfloat16", "int64", "int32", "int16", "int8"),
    *("uint8", "bool", "complex32", "complex64", "complex128", *LATER_TYPES),
    *("float8_e4m3fn", "float8_e5m2", "float8_e4m3fnuz", "float8_e5m2fnuz"),
    *("float8_e8m0fnu", "float4_e2m1fn_x2", "per_tensor_affine", "per_channel_affine"),
)
SIMPLER = (
    "Reading it could run any code, and no file may. Save the tensors alone: "
    "torch.save(model.state_dict(), file)."
)
# Dimensions of a tensor, and characters of a name in dictionaries.
MOST_DIMENSIONS, LONGEST_NAME = 64, 1000


@dataclass(frozen=True)
class Storage:
    """Numbers in an entry of the archive: their type, None for any, and its name."""

    kind: str | None
    name: str


@dataclass(frozen=True)
class Tensor:
    """How a tensor lies in its storage, and the type of its numbers."""

    storage: Storage
    kind: str
    offset: int
    size: tuple
    stride: tuple


@dataclass(frozen=True)
class Unread:
    """A tensor whose numbers are not read, and why."""

    what: str


@dataclass(frozen=True)
class _Type:
    """A type of numbers, or of storages; not callable, as no pickle calls one."""

    name: str


class _Mapping(dict):
    """Dictionary that drops the attributes that state dicts have."""

    def __setstate__(self, state):
        """Keep nothing: a pickle may give the same attributes a thousand times."""


def tensors_of(content):
    """Description of each tensor by its name, those of inner dictionaries with /."""
    check_work(content, _stand_in)
    return _collected(_Unpickler(io.BytesIO(content)).load())


# What stands for the functions that a pickle names


def _tensor(storage, offset, size, stride, _grad=None, _hooks=None, metadata=None):
    """Make the description of a tensor."""
    return _described(storage, offset, size, stride, None, metadata)


def _tensor_of_type(
    storage, offset, size, stride, _grad=None, _hooks=None, dtype=None, metadata=None
):
    """Make the description of a tensor of a type that has no storages of its own."""
    return _described(storage, offset, size, stride, dtype, metadata)


def _described(storage, offset, size, stride, dtype, metadata):
    """Make the description of a tensor, or say why it is not read."""
    is_short = len(size) == len(stride) <= MOST_DIMENSIONS
    if not isinstance(storage, Storage) or not is_short:
        raise ValueError("describes no tensor.")
    numbers = (offset, *size, *stride)
    if any(type(n) is not int or n < 0 for n in numbers):
        raise ValueError("describes no tensor.")
    if dtype is not None and not isinstance(dtype, _Type):
        raise ValueError("describes no tensor.")
    kind = storage.kind if dtype is None else LATER_TYPES.get(dtype.name)
    if kind is None:
        what = "complex numbers" if dtype is None else dtype.name
        return Unread(f"a tensor of {what}")
    if metadata:
        return Unread("a view with another sign than what is stored")
    return Tensor(storage, kind, offset, tuple(size), tuple(stride))


def _first(tensor, *_):
    """Return the tensor of a parameter."""
    return tensor


def _of_type(rebuild, _kind, arguments, _state=None):
    """Return a tensor that has attributes."""
    if rebuild not in (_tensor, _tensor_of_type):
        return Unread("a tensor of a class of its own")
    return rebuild(*arguments)


def _unread(what):
    """Make a function that stands for one that makes a tensor of a kind."""
    return lambda *_: Unread(what)


def _nothing(*_):
    """Return nothing in place of what stands beside the tensors."""


def _size(numbers=()):
    """Return the shape of a tensor, which a pickle cannot multiply by this."""
    return numbers if isinstance(numbers, tuple) else ()


def _mapping():
    """Make an empty dictionary, which the pickle fills."""
    return _Mapping()


BESIDE = (
    ("torch", "device"),
    ("torch.serialization", "_get_layout"),
    ("_codecs", "encode"),
    ("collections", "Counter"),
    ("__builtin__", "set"),
    ("__builtin__", "complex"),
    ("__builtin__", "bytearray"),
)
NAMES = {
    ("torch._utils", "_rebuild_tensor_v2"): _tensor,
    ("torch._utils", "_rebuild_tensor_v3"): _tensor_of_type,
    ("torch._utils", "_rebuild_parameter"): _first,
    ("torch._utils", "_rebuild_parameter_with_state"): _first,
    ("torch._tensor", "_rebuild_from_type_v2"): _of_type,
    ("torch._utils", "_rebuild_sparse_tensor"): _unread("a sparse tensor"),
    ("torch._utils", "_rebuild_qtensor"): _unread("a quantized tensor"),
    ("torch._utils", "_rebuild_nested_tensor"): _unread("a nested tensor"),
    ("torch._utils", "_rebuild_meta_tensor_no_storage"): _unread("a tensor on 'meta'"),
    ("torch.storage", "UntypedStorage"): _Type("UntypedStorage"),
    ("torch", "Size"): _size,
    ("collections", "OrderedDict"): _mapping,
    **{("torch", name): _Type(name) for name in ("Tensor", *STORAGES, *TYPES)},
    **dict.fromkeys(BESIDE, _nothing),
}


def _stand_in(module, name):
    """Return what stands for a name in a pickle, or raise where nothing does."""
    # It had another name in Python 2, which pickles of protocol 2 keep.
    known = "__builtin__" if module == "builtins" else module
    if (known, name) not in NAMES:
        raise ValueError(f"holds more than tensors: {module}.{name}. {SIMPLER}")
    return NAMES[known, name]


class _Unpickler(pickle.Unpickler):
    """Unpickler that calls nothing but what makes descriptions."""

    def find_class(self, module, name):
        """Return what stands for a name."""
        return _stand_in(module, name)

    def persistent_load(self, pid):
        """Description of a storage."""
        kind, of_type, name, *_ = pid
        is_known = isinstance(of_type, _Type) and (
            of_type.name in STORAGES or of_type.name == "UntypedStorage"
        )
        if kind != "storage" or not is_known or not isinstance(name, str):
            raise ValueError("describes no tensor.")
        return Storage(STORAGES.get(of_type.name), name)


def _collected(content):
    """Tensors in dictionaries and lists by their names; each of these is seen once."""
    found, seen, stack = {}, set(), [((), content)]
    while stack:
        keys, content = stack.pop()
        if isinstance(content, (Tensor, Unread)):
            found[_name(keys)] = content
        if isinstance(content, (dict, list, tuple)) and id(content) not in seen:
            seen.add(id(content))
            is_dict = isinstance(content, dict)
            inner = content.items() if is_dict else enumerate(content)
            stack += [((keys, key), one) for key, one in inner][::-1]
    return found


def _name(keys):
    """Name of a tensor by the keys that lead to it, (keys, key); None without any."""
    parts, length = [], 0
    while keys:
        keys, key = keys
        parts.append(str(key) if isinstance(key, (str, int, float)) else "…")
        length += len(parts[-1]) + 1
        if length > LONGEST_NAME:
            raise ValueError(f"a tensor has a name of over {LONGEST_NAME} characters.")
    return "/".join(parts[::-1]) or None
