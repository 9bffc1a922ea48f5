"""Rows in a list or in cells of objects: their lengths, and tensors as one.

NumPy reads tensors one after the other, and none of half precision, with a gradient or
on a device.
"""

import sys

import numpy as np

OF_ONE_LENGTH = (
    "{} must have samples of one length; got several. Pad them, with a mask where the "
    "network takes one, or pass a DataLoader of padded batches."
)


def stacked(values, name="X"):
    """Tensors of PyTorch in a list or in cells as one; anything else as it is.

    They are a tensor where they are floats of one kind or lie on a device, and else an
    array, since NumPy reads whole and mixed numbers.
    """
    torch = sys.modules.get("torch")  # without it there are no tensors
    cells = None if torch is None else _cells(values)
    if cells is None or not len(cells):
        return values
    cells = _rows_stacked(cells, torch, name)
    kinds = set(map(type, cells))
    if not _are_tensors(kinds, torch):
        return values
    check_lengths(cells, name)
    if all(issubclass(kind, torch.Tensor) for kind in kinds):
        looks = {(one.dtype, one.device, one.layout, one.shape) for one in cells}
        is_read = cells[0].device.type == "cpu" and not cells[0].is_floating_point()
        if len(looks) == 1 and not is_read:
            return torch.stack(list(cells))
    try:
        return np.array([_row_on_host(one, torch, name) for one in cells])
    except ValueError as error:
        raise ValueError(OF_ONE_LENGTH.format(name)) from error


def _rows_stacked(cells, torch, name):
    """Lists of tensors among rows as one each; first entries tell whether there are."""
    lists = [one for one in cells if isinstance(one, (list, tuple)) and one]
    if not _are_tensors({type(one[0]) for one in lists}, torch):
        return cells
    return [stacked(one, name) for one in cells]


def check_lengths(rows, name):
    """Raise where some rows have other lengths than others."""
    lengths = set(map(_length, rows))
    if len(lengths) > 1:
        raise ValueError(
            f"the rows of {name} must have as many numbers each; got "
            f"{min(lengths)} to {max(lengths)}."
        )


def _length(row):
    """Number of entries of a row; 0 of a number or a text."""
    if isinstance(row, (list, tuple)):
        return len(row)
    return row.shape[0] if getattr(row, "shape", ()) else 0


def _cells(values):
    """Entries of a list, or of the only column of objects; None of anything else."""
    if isinstance(values, (list, tuple)):
        return values
    kind = getattr(values, "dtype", getattr(values, "dtypes", ""))
    if "object" not in str(kind).lower() or np.shape(values)[1:] not in ((), (1,)):
        return None
    cells = np.asarray(values)
    return cells.ravel() if cells.dtype == object and cells.ndim else None


def _are_tensors(kinds, torch):
    """Whether one of some types is that of a tensor."""
    return any(issubclass(kind, torch.Tensor) for kind in kinds)


def _row_on_host(row, torch, name):
    """Row as NumPy reads it; raise where a tensor does not lie on the host."""
    if not isinstance(row, torch.Tensor):
        return row
    if row.device.type != "cpu" or row.layout != torch.strided:
        raise TypeError(
            f"{name} must hold tensors of one kind on one device; got one on "
            f"{row.device} with layout {row.layout}, beside others. Pass one tensor, "
            f"such as torch.stack([row.cpu() for row in {name}])."
        )
    row = row.detach()
    return (
        row.float() if row.is_floating_point() and row.itemsize < 4 else row
    ).numpy()
