"""Arrays of other libraries, on any device: one code for them and for NumPy.

Arrays in the memory of the host, whatever library made them, are taken as NumPy arrays
without a copy. Those on a device (an accelerator) stay there, and are what the array
API standard calls arrays: of PyTorch, CuPy or another library. Large arrays never leave
their device; vectors and small matrices do, in which the host has float64.

The standard has no operations in place and no bare integer index. The helpers here use
what a library has of these.
"""

from contextlib import ExitStack, contextmanager

import array_api_compat as compat
import array_api_compat.numpy as numpy_namespace
import numpy as np
from sklearn import get_config

from .parallel import map_threads, row_blocks
from .validation import available_memory

# Bytes of a block of rows that a device looks at at a time.
DEVICE_BLOCK_BYTES = 2**28
# Rows of a square tile on a device at most.
LARGEST_SIDE = 8192
# What DLPack calls the memory of the host.
HOST_MEMORY = 1


def is_device_array(X):
    """Whether X is an array that lies on a device, as `taken_in` leaves it."""
    if isinstance(X, np.ndarray) or not compat.is_array_api_obj(X):
        return False
    return not is_lazy_or_sparse(X)


def is_lazy_or_sparse(X):
    """Whether an array is computed at need, or sparse, which scikit-learn sees to."""
    return compat.is_dask_array(X) or compat.is_pydata_sparse_array(X)


def namespace(X):
    """Functions of the array API for arrays such as X."""
    if isinstance(X, (np.ndarray, np.generic, float, int)):
        return numpy_namespace
    return compat.array_namespace(X)


def is_on_host(X):
    """Whether the memory of an array of the standard is that of the host."""
    if compat.is_torch_array(X):
        return X.device.type == "cpu"
    if X.__dlpack_device__()[0] != HOST_MEMORY:
        return False
    xp = compat.array_namespace(X)
    # A library may have devices that only look like others, to test with.
    return compat.device(X) == xp.__array_namespace_info__().default_device()


def is_finite(X):
    """Whether an array holds neither NaN nor infinity."""
    xp = namespace(X)
    return bool(xp.all(xp.isfinite(X)))


def to_host(X):
    """Vector or small matrix as a NumPy array."""
    if isinstance(X, (np.ndarray, np.generic, float, int)):
        return np.asarray(X)
    if compat.is_torch_array(X):
        return X.detach().cpu().numpy()
    if compat.is_cupy_array(X):
        return X.get()
    if not is_on_host(X):
        xp = compat.array_namespace(X)
        X = compat.to_device(X, xp.__array_namespace_info__().default_device())
    return np.asarray(X)


def like(values, X, dtype=None):
    """NumPy values as an array on the device of X, in the precision of X or another.

    A float64 that the device does not have is a float32.
    """
    values = np.asarray(values)
    if not is_device_array(X):
        is_float = values.dtype.kind == "f"
        return values.astype(dtype or X.dtype, copy=False) if is_float else values
    xp = namespace(X)
    if values.dtype.kind == "f":
        name = np.dtype(dtype).name if dtype is not None else name_of(X.dtype, xp)
        values = values.astype(name, copy=False)
        if name == "float64" and not has_float64(X):
            values = values.astype(np.float32)
    values = np.asarray(values, order="C")
    return xp.asarray(values, device=compat.device(X))


def name_of(dtype, xp):
    """Name of a dtype of any library: "float64", else "float32"."""
    return "float64" if dtype == xp.float64 else "float32"


def has_float64(X):
    """Whether the device of X has float64."""
    if not is_device_array(X):
        return True
    device = compat.device(X)
    if compat.is_torch_array(X):
        return device.type != "mps"
    info = namespace(X).__array_namespace_info__()
    return "float64" in info.dtypes(device=device, kind="real floating")


def astype(X, dtype):
    """X in another precision; the largest that its device has, for float64."""
    if not is_device_array(X):
        return X.astype(dtype, copy=False)
    xp, name = namespace(X), np.dtype(dtype).name
    if name == "float64" and not has_float64(X):
        name = "float32"
    return xp.astype(X, getattr(xp, name), copy=False)


def take(X, rows):
    """Rows of X, by a slice or by their numbers."""
    if not is_device_array(X):
        return X[rows]
    if isinstance(rows, slice):
        return X[rows, ...]
    return namespace(X).take(X, like(np.asarray(rows, np.int64), X), axis=0)


def map_parts(function, items, X):
    """List of function(item), in threads of the host; on a device one by one.

    A device has its own ways to do many things at once.
    """
    if is_device_array(X):
        return [function(item) for item in items]
    return map_threads(function, items)


def exp_in_place(X):
    """Exponentials, in the memory of X where the library can."""
    if isinstance(X, np.ndarray):
        return np.exp(X, out=X)
    if compat.is_torch_array(X):
        return X.exp_()
    xp = namespace(X)
    return xp.exp(X, out=X) if compat.is_cupy_array(X) else xp.exp(X)


def at_most_0_in_place(X):
    """Smaller of each entry and 0, in the memory of X where the library can."""
    if isinstance(X, np.ndarray):
        return np.minimum(X, 0, out=X)
    if compat.is_torch_array(X):
        return X.clamp_(max=0)
    xp = namespace(X)
    return xp.minimum(X, xp.zeros_like(X))


def zeros(shape, X, dtype):
    """Array of zeros where X lies."""
    if not is_device_array(X):
        return np.zeros(shape, dtype)
    xp, name = namespace(X), np.dtype(dtype).name
    name = name if has_float64(X) else "float32"
    return xp.zeros(shape, dtype=getattr(xp, name), device=compat.device(X))


def empty_columns(shape, X):
    """Block in float32 where X lies, on the host column by column, to be filled."""
    if not is_device_array(X):
        return np.empty(shape, np.float32, order="F")
    xp = namespace(X)
    return xp.empty(shape, dtype=xp.float32, device=compat.device(X))


def contiguous_columns(V, dtype):
    """V as a block of columns, one if it is a vector, row by row in memory."""
    if not is_device_array(V):
        return np.ascontiguousarray(V.reshape(len(V), -1), dtype)
    V = namespace(V).reshape(astype(V, dtype), (V.shape[0], -1))
    return V.contiguous() if compat.is_torch_array(V) else V


def beside(A, B):
    """Columns of A, then those of B."""
    return namespace(A).concat([A, B], axis=1)


def copied(X):
    """Copy of X, in memory of its own."""
    return namespace(X).asarray(X, copy=True)


def row_squares(X, dtype=None):
    """Squared norms of the rows, summed up in a precision of their own."""
    if isinstance(X, np.ndarray):
        return np.einsum("ij,ij->i", X, X, dtype=dtype)
    X = X if dtype is None else astype(X, dtype)
    return namespace(X).sum(X * X, axis=1)


def column_means(X):
    """Mean of each column in float64, on the host."""
    if not is_device_array(X):
        return X.mean(axis=0, dtype=np.float64)
    n, xp = X.shape[0], namespace(X)
    blocks = row_blocks(n, rows_a_block(X))
    sums = [xp.sum(astype(take(X, rows), np.float64), axis=0) for rows in blocks]
    return np.sum([to_host(one).astype(np.float64) for one in sums], axis=0) / n


def row_codes(X):
    """A number for each row, on the host; those of equal rows are equal."""
    codes = 0.0
    # Feature by feature, so that each row is summed up in the same order.
    for k, factor in enumerate(np.random.default_rng(0).uniform(1, 2, X.shape[1])):
        codes = codes + astype(X[:, k], np.float64) * float(factor)
    return to_host(codes)


def smallest(D, k):
    """The k smallest entries of each row, in ascending order, and their columns."""
    if compat.is_torch_array(D):
        found = D.topk(k, dim=1, largest=False, sorted=True)
        return found.values, found.indices
    xp = namespace(D)
    columns = xp.argsort(D, axis=1)[:, :k]
    return xp.take_along_axis(D, columns, axis=1), columns


def with_diagonal(X, value):
    """A square X with another diagonal, in its memory where the library can."""
    if compat.is_torch_array(X):
        return X.fill_diagonal_(value)
    if isinstance(X, np.ndarray) or compat.is_cupy_array(X):
        namespace(X).fill_diagonal(X, value)
        return X
    xp = namespace(X)
    n, device = X.shape[0], compat.device(X)
    is_diagonal = xp.eye(n, dtype=xp.bool, device=device)
    return xp.where(is_diagonal, xp.asarray(value, dtype=X.dtype, device=device), X)


def rows_a_block(X, copies=1):
    """Rows of X in a block on its device, of which so many copies are made."""
    entries = max(1, int(np.prod(X.shape[1:])))
    return max(1, DEVICE_BLOCK_BYTES // (8 * entries * copies))


def tile_side():
    """Rows of a square tile on a device, for which few large steps are faster.

    Four such tiles of float32 fit in the working memory of scikit-learn's settings.
    """
    n_bytes = get_config()["working_memory"] * 2**20
    return int(np.clip((n_bytes / 16) ** 0.5, 16, LARGEST_SIDE))


def free_bytes(X):
    """Bytes of memory that are free where X lies, as far as the library tells."""
    if compat.is_torch_array(X) and X.device.type == "cuda":
        import torch

        return torch.cuda.mem_get_info(X.device)[0]
    if compat.is_cupy_array(X):
        import cupy

        return cupy.cuda.runtime.memGetInfo()[0]
    return available_memory()


@contextmanager
def exact_products(X):
    """Context in which products on the device of X have the precision of their type.

    Users of PyTorch lower it for training: inside autocast, or by
    ``torch.set_float32_matmul_precision``.
    """
    if not (is_device_array(X) and compat.is_torch_array(X)):
        yield
        return
    import torch

    before = torch.get_float32_matmul_precision()
    with ExitStack() as stack:
        stack.enter_context(torch.no_grad())
        stack.enter_context(torch.autocast(X.device.type, enabled=False))
        stack.callback(torch.set_float32_matmul_precision, before)
        torch.set_float32_matmul_precision("highest")
        yield
