"""Files of safetensors: a header in JSON, and the numbers, which are memory-mapped.

The format is two lines long: 8 bytes with the length of the header, the header, which
gives each tensor its type, shape and place, and the bytes. So no package is needed.
"""

import json

import numpy as np

from .limits import LARGEST_HEADER, check_declared, check_fits

DTYPES = {
    "F64": "<f8",
    "F32": "<f4",
    "F16": "<f2",
    "BF16": "<u2",
    "I64": "<i8",
    "I32": "<i4",
    "I16": "<i2",
    "I8": "i1",
    "U64": "<u8",
    "U32": "<u4",
    "U16": "<u2",
    "U8": "u1",
    "BOOL": "?",
}


def safetensors_arrays(path, without=None):
    """Shape of each tensor of a file."""
    tensors, _ = _tensors(path)
    return {name: _place(one)[0] for name, one in tensors.items()}


def read_safetensors(path, key, without=None):
    """Tensor of a file, which stays on the disk; one of bfloat16 as float32."""
    tensors, start = _tensors(path)
    if key not in tensors:
        raise ValueError(f"no tensor of this name; the file has {list(tensors)}.")
    shape, kind, begin, end = _place(tensors[key])
    if kind not in DTYPES:
        raise ValueError(
            f"tensors of type {kind[:20]} are not read; the types are {sorted(DTYPES)}."
        )
    dtype = np.dtype(DTYPES[kind])
    if 0 in shape:
        return np.empty(shape, dtype)
    check_declared(shape, dtype, min(end, path.stat().st_size - start) - begin)
    return as_numbers(np.memmap(path, dtype, "r", start + begin, shape), kind)


def as_numbers(array, kind):
    """Array of a type as NumPy has it: bfloat16, which it has not, as float32."""
    if kind != "BF16":
        return array
    check_fits(array.shape, np.float32)
    # It is the upper half of a float32.
    return (array.astype(np.uint32) << 16).view(np.float32)


def _tensors(path):
    """Description of each tensor, and where their bytes begin."""
    size = path.stat().st_size
    with open(path, "rb") as file:
        n_bytes = int.from_bytes(file.read(8), "little")
        if not 2 <= n_bytes <= min(size - 8, LARGEST_HEADER):
            raise ValueError(
                f"the header has {n_bytes} bytes of {size}: this is no file of "
                f"safetensors, or it is damaged (at most {LARGEST_HEADER} are read)."
            )
        text = file.read(n_bytes)
    try:
        tensors = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise ValueError("the header of safetensors is damaged.") from error
    if not isinstance(tensors, dict):
        raise ValueError("the header of safetensors is damaged.")
    tensors.pop("__metadata__", None)
    for one in tensors.values():
        _place(one)
    return tensors, 8 + n_bytes


def _place(tensor):
    """Shape, type and place of a tensor, or raise where they are none."""
    try:
        shape, kind = tuple(tensor["shape"]), tensor["dtype"]
        begin, end = tensor["data_offsets"]
        is_valid = all(type(n) is int and n >= 0 for n in (*shape, begin, end))
    except (KeyError, TypeError, ValueError):
        is_valid = False
    if not is_valid or not isinstance(kind, str):
        raise ValueError("the header of safetensors is damaged.")
    return shape, kind, begin, end
