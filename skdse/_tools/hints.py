"""Types of parameters that several functions share, for annotations."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias

from numpy import ndarray
from numpy.random import RandomState
from numpy.typing import ArrayLike
from scipy.sparse import sparray, spmatrix

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from pandas import DataFrame
    from torch import Tensor
else:  # optional packages, which are not imported for this
    Axes = DataFrame = Tensor = Any

__all__ = [
    "Axes",
    "DataFrame",
    "Frame",
    "Layers",
    "Place",
    "SamplesLike",
    "Seed",
    "SupportsDLPack",
    "TargetsLike",
    "Tensor",
]


class SupportsDLPack(Protocol):
    """Tensors of PyTorch, arrays of CuPy and others that can be exchanged."""

    def __dlpack__(self, *args: Any, **kwargs: Any) -> Any: ...

    def __dlpack_device__(self) -> tuple[Any, Any]: ...


# Rows of features: arrays, lists, tables with __array__, sparse matrices, tensors.
SamplesLike: TypeAlias = ArrayLike | sparray | spmatrix | SupportsDLPack
# Labels, values or vectors.
TargetsLike: TypeAlias = ArrayLike | SupportsDLPack
Seed: TypeAlias = int | RandomState | None
# Layers of a network, by name, pattern or number.
Layers: TypeAlias = str | int | Sequence[str | int] | None
# Columns by name, or records; a table of pandas, polars or another package is Any.
Frame: TypeAlias = Mapping[str, ArrayLike] | Sequence[Mapping[str, Any]] | Any
# Where a display draws; an array holds several Axes, one for each panel.
Place: TypeAlias = Axes | Sequence[Axes] | ndarray | None
