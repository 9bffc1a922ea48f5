"""What a network is shown, as it comes, and in which rows of it one looks.

arrays, tensors, dictionaries, tuples, Datasets, DataLoaders ─► batches ─► arguments of
the network on its device.

torch is imported by whoever made the model, never from here at the top.
"""

import inspect
import sys
from collections.abc import Mapping
from itertools import chain

import numpy as np
from sklearn.utils import gen_batches

from .._tools.arrays import is_device_array, take
from .._tools.cells import OF_ONE_LENGTH
from .._tools.validation import count_samples

# Entries of a dictionary of which whole numbers of 8 bits are no images.
NO_IMAGES = ("mask", "ids")


def imported_torch():
    """Return torch where it was imported, which who has a module has done."""
    return sys.modules.get("torch")


def is_stream(X):
    """Whether the samples of X are known only as they come."""
    torch = imported_torch()
    if torch is None:
        return False
    data = torch.utils.data
    return isinstance(X, (data.DataLoader, data.IterableDataset))


def is_loaded(X):
    """Whether X is a Dataset or DataLoader, which may give targets with the samples."""
    torch = imported_torch()
    if torch is None:
        return False
    return isinstance(X, (torch.utils.data.DataLoader, torch.utils.data.Dataset))


def count_inputs(X):
    """Return the number of samples of X, or of a batch; None of a stream."""
    if is_stream(X):
        return None
    counts = {count_samples(one) for one in _parts(X) if _has_rows(one)}
    if len(counts) != 1:
        raise ValueError(
            "X must be samples: an array, a tensor, or a dictionary or tuple of these "
            f"with as many rows each; got {type(X).__name__} with {sorted(counts)} "
            "rows."
        )
    return counts.pop()


def take_inputs(X, rows):
    """Samples of X by their numbers, or by a slice; X is no stream."""
    if is_loaded(X):
        return imported_torch().utils.data.Subset(X, [int(row) for row in rows])
    if isinstance(X, Mapping):
        return {key: take_inputs(one, rows) for key, one in X.items()}
    if isinstance(X, tuple):
        return tuple(take_inputs(one, rows) for one in X)
    if not _has_rows(X):
        return X
    if is_device_array(X):
        return take(X, rows)
    return X[rows] if hasattr(X, "shape") else _array(X)[rows]


def batches_of(X, batch_size):
    """Batches of samples, each an array, a tensor, or a dict or tuple of these."""
    torch = imported_torch()
    n_batches = 0
    if is_loaded(X):
        for batch in loader_of(X, batch_size):
            n_batches += 1
            yield samples_of(batch)
    else:
        if not isinstance(X, (Mapping, tuple, torch.Tensor)):
            X = torch.from_dlpack(X) if is_device_array(X) else _array(X)
        n_samples = count_inputs(X)
        for rows in gen_batches(n_samples, batch_size) if n_samples else []:
            n_batches += 1
            yield take_inputs(X, rows)
    if not n_batches:
        raise ValueError("X must have at least one sample; it is empty.")


def loader_of(X, batch_size):
    """Return a loader of batches of a Dataset; a DataLoader as it is."""
    data = imported_torch().utils.data
    return X if isinstance(X, data.DataLoader) else data.DataLoader(X, batch_size)


def samples_of(batch):
    """Return the samples of a batch of a loader, alone or with targets behind them."""
    return batch[0] if isinstance(batch, (list, tuple)) else batch


def targets_of(batch):
    """Return the targets of a batch of a loader: what is behind samples, or labels."""
    if isinstance(batch, (list, tuple)):
        return batch[1] if len(batch) > 1 else None
    if isinstance(batch, Mapping):
        found = (batch[key] for key in ("labels", "label") if key in batch)
        return next(found, None)
    return None


def run(module, batch, **more):
    """Call a module with a batch: a dictionary by its keys, a tuple one by one."""
    if isinstance(batch, (tuple, list)):
        return module(*batch, **more)
    if not isinstance(batch, Mapping):
        return module(batch, **more)
    parameters = inspect.signature(module.forward).parameters
    known = {key: one for key, one in batch.items() if key in parameters}
    first = next(iter(parameters.values()), None)
    takes_one = first is not None and first.default is first.empty
    is_named = first is not None and first.kind is first.VAR_KEYWORD
    if not known and takes_one and not is_named:
        # A module that takes none of the keys takes the dictionary.
        return module(batch, **more)
    if any(one.kind is one.VAR_KEYWORD for one in parameters.values()):
        return module(**batch, **more)
    return module(**known, **more) if known else module(batch, **more)


def as_input(batch, module, name=""):
    """Batch as tensors on the device of the module; floats in its precision."""
    if isinstance(batch, Mapping):
        return {key: as_input(one, module, key) for key, one in batch.items()}
    if isinstance(batch, (tuple, list)) and not _is_numbers(batch):
        return tuple(as_input(one, module) for one in batch)
    torch = imported_torch()
    if batch is None or isinstance(batch, (str, bool, int, float)):
        return batch
    if not isinstance(batch, torch.Tensor):
        # A copy: what is read-only, as files mapped into memory are, torch warns of.
        batch = torch.tensor(_numbers(batch))
    device, dtype = _place(module)
    is_image = batch.dtype == torch.uint8 and not name.endswith(NO_IMAGES)
    raised = dtype is not None and (batch.is_floating_point() or is_image)
    return batch.to(device, dtype if raised else batch.dtype)


def _place(module):
    """Device of a module, None of one without numbers, and its precision of floats."""
    torch = imported_torch()
    tensors = [*chain(module.parameters(), module.buffers())]
    device = tensors[0].device if tensors else None
    floats = [one.dtype for one in tensors if one.is_floating_point()]
    if floats:
        return device, floats[0]
    # What is quantized keeps its weights packed, and takes single precision.
    packed = any("quantized" in type(one).__module__ for one in module.modules())
    return device, torch.float32 if packed else None


def _array(X):
    """X as a NumPy array, or raise where its samples have several lengths."""
    try:
        return np.asarray(X)
    except ValueError as error:
        raise ValueError(OF_ONE_LENGTH.format("X")) from error


def _numbers(batch):
    """Batch as a NumPy array, or raise where it does not hold numbers."""
    batch = _array(batch)
    if batch.dtype.kind not in "biuf":
        raise TypeError(
            f"X must be numbers, in arrays, tensors or dictionaries of these; got "
            f"{batch.dtype}. Pass what the network takes, such as the tokens of texts."
        )
    return batch


def _is_numbers(batch):
    """Whether a list holds numbers and not arrays or tensors."""
    return isinstance(batch, list) and not any(hasattr(one, "shape") for one in batch)


def _parts(X):
    """Arrays and tensors in a dictionary or tuple, or X itself."""
    if isinstance(X, Mapping):
        return chain.from_iterable(map(_parts, X.values()))
    return chain.from_iterable(map(_parts, X)) if isinstance(X, tuple) else [X]


def _has_rows(X):
    """Whether X has a row for each sample: it is neither a number, text nor None."""
    if isinstance(X, str):
        return False
    return len(X.shape) > 0 if hasattr(X, "shape") else hasattr(X, "__len__")
