"""Columns of Arrow as arrays: numbers, lists of numbers of one length, and labels.

A column of embeddings is a list in each row, of a fixed size or not, inside of other
lists or not. The numbers of all rows lie side by side in one buffer; where it can be,
that buffer is the array, without a copy.
"""

import math

import numpy as np

# A type of extension that older versions of Arrow unpickled as they met it.
PICKLED_TYPES = ("arrow.py_extension_type",)


def shapes_of(schema, n_rows, without=None):
    """Shape of each column; beside them, that of all plain numbers as one matrix."""
    if without is not None and without not in schema.names:
        raise ValueError(no_column(without, schema))
    found = {}
    for field in schema:
        if field.name != without:
            found[field.name] = (n_rows, *_inner_shape(field.type))
            if not is_number(_innermost(field.type)):
                found[field.name] = ()
    if all(len(shape) < 2 for shape in found.values()):
        found = {None: (n_rows, len(number_columns(schema, without)))} | found
    return found


def number_columns(schema, without=None):
    """Names of the columns of plain numbers, which must be all but one."""
    names = [
        one.name for one in schema if one.name != without and not _is_index(one.name)
    ]
    others = [name for name in names if not is_number(schema.field(name).type)]
    if others:
        raise ValueError(
            f"columns must be numeric; these are not: {others}. --labels NAME takes a "
            "column as the labels, and FILE:NAME measures a single one; leave out a "
            "column of other texts, such as names of samples."
        )
    return names


def check_field(field):
    """Raise where a column is of a type that code in the file would make."""
    name = (
        (field.metadata or {})
        .get(b"ARROW:extension:name", b"")
        .decode("utf-8", "replace")
    )
    name = getattr(field.type, "extension_name", name)
    if name in PICKLED_TYPES:
        raise ValueError(
            f"the column {field.name!r} is of a type that is a pickle. Reading it "
            "could run any code, and no file may."
        )


def is_number(kind):
    """Whether a type of Arrow is one of plain numbers."""
    import pyarrow.types as types

    return types.is_integer(kind) or types.is_floating(kind) or types.is_boolean(kind)


def numbers_of(column):
    """Column of numbers, or of lists of numbers, as an array with a row for each."""
    parts = [_of_chunk(column.type, chunk) for chunk in column.chunks]
    if not parts:
        return np.empty((0, *_fixed(column.type)))
    sizes = {part.shape[1:] for part in parts if len(part)}
    if len(sizes) > 1:
        raise ValueError(f"its lists have {sizes} numbers; all must have as many.")
    parts = [part for part in parts if len(part)] or parts[:1]
    return parts[0] if len(parts) == 1 else np.concatenate(parts)


def labels_of(column):
    """Column of labels: numbers, texts, or whatever else is one value a row."""
    import pyarrow.types as types

    if types.is_dictionary(column.type):
        column = column.cast(column.type.value_type)
    if column.null_count:
        raise ValueError(f"{column.null_count} samples have no label.")
    if _is_list(storage(column.type)):
        return numbers_of(column)
    values = column.to_numpy()
    return np.array(values.tolist(), dtype=str) if values.dtype == object else values


def no_column(name, schema):
    """Message that there is no column of a name."""
    return f"no column {name!r}; the file has {schema.names[:20]}."


def storage(kind):
    """Type of Arrow below its extensions."""
    while hasattr(kind, "storage_type"):
        kind = kind.storage_type
    return kind


def _is_list(kind):
    """Whether a type is one of lists."""
    import pyarrow.types as types

    return (
        types.is_list(kind)
        or types.is_large_list(kind)
        or types.is_fixed_size_list(kind)
    )


def _innermost(kind):
    """Type of the numbers in lists of lists."""
    kind = storage(kind)
    while _is_list(kind):
        kind = storage(kind.value_type)
    return kind


def _fixed(kind):
    """Lengths of lists that the type tells, up to the first that it does not."""
    kind, found = storage(kind), []
    while _is_list(kind) and hasattr(kind, "list_size"):
        found.append(kind.list_size)
        kind = storage(kind.value_type)
    return tuple(found)


def _inner_shape(kind):
    """Shape of a row: a number, or lists in lists, 1 for lengths that are not known."""
    kind, found = storage(kind), []
    while _is_list(kind):
        found.append(getattr(kind, "list_size", 1))
        kind = storage(kind.value_type)
    return tuple(found)


def _is_index(name):
    """Whether a column is the index of pandas, without a name."""
    return name.startswith("__index_level_") and name.endswith("__")


def _of_chunk(kind, chunk):
    """Array of a chunk of a column."""
    shape = [len(chunk)]
    while True:
        chunk = chunk.storage if hasattr(chunk, "storage") else chunk
        if chunk.null_count:
            raise ValueError(f"{chunk.null_count} rows or numbers are null.")
        if not _is_list(chunk.type):
            break
        shape.append(_common_length(chunk))
        chunk = chunk.flatten()
    if not is_number(chunk.type):
        raise ValueError(f"representations must be numbers; got {chunk.type}.")
    numbers = chunk.to_numpy(zero_copy_only=False)
    if math.prod(shape) != len(numbers):
        raise ValueError("its lists are damaged.")
    return numbers.reshape(shape)


def _common_length(chunk):
    """Length of all lists of a chunk."""
    if hasattr(chunk.type, "list_size"):
        return chunk.type.list_size
    if not len(chunk):
        return 0
    lengths = chunk.value_lengths().to_numpy()
    if lengths.min() != lengths.max():
        raise ValueError(
            f"its lists have {lengths.min()} to {lengths.max()} numbers; all must have "
            "as many."
        )
    return int(lengths[0])
