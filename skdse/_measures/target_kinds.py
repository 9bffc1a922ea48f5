"""What kind of target y is, so that another one can be told from it."""

from dataclasses import dataclass
from numbers import Number

import numpy as np

from .._tools.arrays import is_device_array, namespace, take, to_host

WHOLE, NUMBERS, ONE_HOT = "whole numbers", "numbers", "one-hot rows"
TEXT = "text"
# What the kinds of NumPy's dtypes are called.
NAMES = {"b": WHOLE, "i": WHOLE, "u": WHOLE, "U": TEXT}


@dataclass(frozen=True)
class TargetKind:
    """Kind of the values of a target, and its number of columns, 0 of a vector."""

    values: str
    n_columns: int

    def check(self, other):
        """Raise unless another target has as many columns of values of this kind."""
        is_wider = (other.values, self.values) == (WHOLE, NUMBERS)
        if other.n_columns != self.n_columns or not (
            other.values == self.values or is_wider
        ):
            raise ValueError(
                f"y must be as the fitted y, {self}; got {other}. Bring it to that "
                "kind, or fit again."
            )

    def __str__(self):
        columns = f", {self.n_columns}" if self.n_columns else ","
        return f"{self.values} of shape (n_samples{columns})"


def numbers_like(y):
    """Kind of a target whose values are numbers, whole or not, or times in a unit."""
    if isinstance(y, np.ndarray) and y.dtype.kind in "mM":
        return kind_of(y)
    return TargetKind(NUMBERS, y.shape[1] if y.ndim > 1 else 0)


def kind_of(y):
    """Kind of a target that was checked."""
    if is_device_array(y):
        return numbers_like(y)
    n_columns = y.shape[1] if y.ndim > 1 else 0
    if y.dtype.kind in ("f", "O"):
        return TargetKind(_kind_of_values(y), n_columns)
    return TargetKind(NAMES.get(y.dtype.kind, str(y.dtype)), n_columns)


def classes_of_one_hot(y):
    """Column of the only 1 in each row, where all else is 0; None of other targets."""
    if y.ndim != 2 or y.shape[1] < 2:
        return None
    if not is_device_array(y):
        if y.dtype == object or y.dtype.kind not in "biuf":
            return None
        return y.argmax(axis=1) if _is_one_hot(y, np) else None
    xp = namespace(y)
    return to_host(xp.argmax(y, axis=1)) if _is_one_hot(y, xp) else None


def _is_one_hot(y, xp):
    """Whether each row of y has one 1, and zeros."""
    is_one = y == 1
    are_bits = bool(xp.all(is_one | (y == 0)))
    return are_bits and bool(xp.all(xp.sum(y, axis=1) == 1))


def few_distinct_rows(Y, most):
    """Group of each row of Y, equal rows in one; None where more than `most` differ.

    Groups are numbered as they occur. Mostly, the first rows tell that there are more.
    """
    first = slice(0, min(Y.shape[0], 20 * most))
    if _groups_of_equal(take(Y, first), most) is None:
        return None
    return _groups_of_equal(Y, most)


def _groups_of_equal(Y, most):
    """Group of each row of Y, or None where there are more than `most`."""
    groups, left = np.empty(Y.shape[0], dtype=np.intp), np.arange(Y.shape[0])
    for group in range(most):
        rest = take(Y, left)
        equal = to_host(namespace(rest).all(rest == rest[:1, :], axis=1))
        groups[left[equal]] = group
        left = left[~equal]
        if not len(left):
            return groups
    return None


def _kind_of_values(y):
    """Kind of floats or objects: numbers, whole or not, text, or other types."""
    if y.dtype == object:
        types = {type(value) for value in y.flat}
        if all(issubclass(one, str) for one in types):
            return TEXT
        if not all(issubclass(one, Number) for one in types):
            return " and ".join(sorted(one.__name__ for one in types))
        y = y.astype(np.float64)
    is_whole = np.all(np.isfinite(y)) and np.all(y == np.floor(y))
    return WHOLE if is_whole else NUMBERS
