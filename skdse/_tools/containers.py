"""What arrays come in: frames with a column of lists, rows in objects, masks.

Embeddings often are a list in each row of a frame, of pandas, polars or Arrow. Such a
column is taken as the matrix that it is. What holds no array, or several, is refused in
one line that says what to pass.
"""

from collections.abc import Iterator, Mapping, MappingView, Set

import numpy as np
import scipy.sparse as sp

from .cells import check_lengths

# How the types of columns begin in which a cell may hold several numbers.
NESTED = ("object", "list", "array", "fixed_size_list", "large_list")
# What has no entry for each sample in an order, or gives it only once.
NO_ARRAYS = (Mapping, MappingView, Set, Iterator, str, bytes)
TARGETS = "an array, list, Series or column of a frame with a label or value a sample"


def opened(X, name="X"):
    """X, or the matrix in its only column, whose cells are rows of numbers."""
    if isinstance(X, np.ndarray):
        _check_mask(X, name)
        return X if X.dtype != object else _of_cells(X, name)
    if isinstance(X, NO_ARRAYS):
        raise TypeError(
            f"{name} must be an array, tensor or frame of samples x features; got a "
            f"{type(X).__name__}."
        )
    if _is_anndata(X):
        raise TypeError(
            f"{name} of type {type(X).__name__} holds several matrices: pass one, "
            f"for instance {name}.obsm['X_pca'] or {name}.X, or call "
            "skdse.integrations.anndata.dse(adata, use_rep='X_pca')."
        )
    if isinstance(X, (list, tuple)):
        check_lengths(X, name)
        return X
    return _column_of_lists(X, name)


def check_values(y, name="y"):
    """Raise unless y may be labels or values of samples, without showing them all."""
    if sp.issparse(y):
        raise TypeError(
            f"{name} must be {TARGETS}; got a sparse matrix of shape {y.shape}. Pass "
            f"{name}.toarray(), or the label of each row."
        )
    if _is_anndata(y):
        raise TypeError(
            f"{name} of type {type(y).__name__} has several columns: pass one, for "
            f"instance {name}.obs['cell_type']."
        )
    if isinstance(y, NO_ARRAYS):
        raise TypeError(f"{name} must be {TARGETS}; got a {type(y).__name__}.")
    if isinstance(y, (list, tuple)):
        check_lengths(y, name)
    _check_mask(y, name)


def texts_of(y):
    """Labels in bytes, or in columns of several types with text among them, as text."""
    if y.dtype.kind == "S":
        return _decoded(y)
    if y.dtype == object and y.ndim > 1:
        if any(isinstance(value, (str, bytes)) for value in y.flat):
            columns = [_decoded(np.array(one.tolist())) for one in y.T]
            return np.stack([one.astype(str) for one in columns], axis=1)
    return y


def _decoded(y):
    """Bytes as text, in UTF-8 where they are, and anything else as it is."""
    if y.dtype.kind != "S":
        return y
    try:
        return np.char.decode(y, "utf-8")
    except UnicodeDecodeError:
        return np.char.decode(y, "latin-1")


def _is_anndata(X):
    """Whether X has what AnnData and its likes have, which need not be installed."""
    return hasattr(X, "obsm") and hasattr(X, "obs")


def _check_mask(values, name):
    """Raise where values are masked: what is below the mask would count."""
    if isinstance(values, np.ma.MaskedArray) and np.ma.getmaskarray(values).any():
        raise ValueError(
            f"{name} has {np.ma.count_masked(values)} masked values, which would "
            f"count. Leave these samples out, or fill them: {name}.filled(value)."
        )


def _column_of_lists(X, name):
    """Matrix in the only column of a frame, a Series or an array of Arrow, if any."""
    if not hasattr(X, "to_numpy") and not hasattr(X, "to_pylist"):
        return X
    kinds = _kinds(X)
    is_nested = {kind: str(kind).lower().startswith(NESTED) for kind in set(kinds)}
    nested = [place for place, kind in enumerate(kinds) if is_nested[kind]]
    if len(kinds) > 1:
        _check_no_lists(X, nested, len(kinds), name)
        return X
    if not nested:
        return X
    # Of lists, every library makes an array of objects, or one of two dimensions.
    values = np.asarray(_column(X, 0))
    if values.dtype == object:
        found = _of_cells(values, name)
        return X if found is values else found
    return values if values.ndim > 1 else X


def _kinds(X):
    """Type of each column of a frame, or of the only one."""
    if not hasattr(X, "columns"):
        return [getattr(X, "dtype", getattr(X, "type", None))]
    return list(X.schema.types if _is_arrow(X) else X.dtypes)


def _column(X, place):
    """Column of a frame by its place, since names may occur twice; or the only one."""
    if not hasattr(X, "columns"):
        return X
    if hasattr(X, "iloc"):
        return X.iloc[:, place]
    return X.column(place) if _is_arrow(X) else X.to_series(place)


def _is_arrow(X):
    """Whether X is a table of Arrow."""
    return hasattr(X, "schema") and hasattr(X, "to_pylist")


def _check_no_lists(X, nested, n_columns, name):
    """Raise where one of several columns has lists in its cells."""
    for place in nested:
        first = np.asarray(_column(X, place)[:1])
        if first.ndim > 1 or (first.size and np.ndim(first[0])):
            names = X.schema.names if _is_arrow(X) else X.columns
            raise ValueError(
                f"{name} has lists in the column {names[place]!r}, beside "
                f"{n_columns - 1} others: pass that column alone, "
                f"{name}[{names[place]!r}]."
            )


def _of_cells(cells, name):
    """Matrix of cells that hold rows of numbers; the cells if they hold none."""
    flat = cells.ravel() if cells.size == len(cells) else cells
    if flat.ndim != 1 or not any(np.ndim(one) for one in flat):
        return cells
    check_lengths(flat, name)
    return np.stack([np.asarray(one) for one in flat])
