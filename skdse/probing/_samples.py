"""Samples of a tracker and their labels: read once, then the same rows each epoch."""

from collections.abc import Mapping

import joblib
import numpy as np
from sklearn.utils import check_consistent_length

from .._tools.arrays import take, to_host
from .._tools.cells import stacked
from .._tools.intake import gathered, taken_in_labels
from ._inputs import (
    count_inputs,
    imported_torch,
    is_loaded,
    loader_of,
    samples_of,
    targets_of,
)
from ._selection import Selection

# Samples that are read at a time from a Dataset.
BATCH_SIZE = 256


class Samples:
    """Samples that a tracker shows to a network, and their labels.

    max_samples and seed are those of the rows that are measured. Of a Dataset or
    DataLoader, these inputs are kept where needs_inputs says so.

    Attributes
    ----------
    y : array or None
        Labels, those of a Dataset or DataLoader where none are given.
    content : object
        What a hash of the samples is made of.
    """

    def __init__(self, X, y=None, max_samples=None, seed=0, needs_inputs=False):
        X, y = gathered(X), stacked(y, "y")
        self.X, self.y, self.content = X, y, X
        self._rows, self._inputs = None, X
        if is_loaded(X):
            self._read(Selection(max_samples, seed), needs_inputs)
        elif isinstance(X, (Mapping, tuple)):
            self.content, self._inputs = joblib.hash(_on_host(X)), None
            self._check_labels(count_inputs(X))
        elif y is not None:
            check_consistent_length(X, y)

    def labels_of(self, samples):
        """Labels of some samples by their numbers; None where there are none."""
        return None if self.y is None else _rows_of(self.y, samples)

    def inputs_of(self, samples):
        """Inputs of some samples by their numbers; None where they are no array."""
        if self._rows is not None:
            is_kept = np.array_equal(self._rows, samples)
            return self._inputs if is_kept else None
        return None if self._inputs is None else _rows_of(self._inputs, samples)

    def _read(self, rows, needs_inputs):
        """Read a Dataset or DataLoader through: labels, content, inputs of rows."""
        check_order(self.X)
        hashes, labels, inputs = [], [], []
        torch = imported_torch()
        with torch.random.fork_rng([]):
            for batch in loader_of(self.X, BATCH_SIZE):
                samples = samples_of(batch)
                hashes.append(joblib.hash(_on_host(samples)))
                labels.append(targets_of(batch))
                chosen = rows.choose(count_inputs(samples))
                rows.add(count_inputs(samples), chosen)
                if needs_inputs and isinstance(samples, torch.Tensor):
                    inputs.append(samples[torch.as_tensor(chosen[0])])
                kept = rows.leave_out(2)
                if kept is not None and inputs:
                    inputs = [torch.cat(inputs)[torch.as_tensor(kept)]]
        kept = rows.leave_out(1)
        self.content, self._inputs, self._rows = joblib.hash(hashes), None, rows.samples
        if inputs:
            found = torch.cat(inputs)
            self._inputs = to_host(found if kept is None else found[kept])
        if self.y is None and labels and all(one is not None for one in labels):
            self.y = np.concatenate([np.asarray(taken_in_labels(y)) for y in labels])
        self._check_labels(rows.n_seen)

    def _check_labels(self, n_samples):
        """Raise unless there are as many labels as samples."""
        if self.y is not None:
            check_consistent_length(self.y, np.empty(n_samples))


def check_order(X):
    """Raise where a loader gives samples in another order each time."""
    data = imported_torch().utils.data
    shuffles = getattr(X, "sampler", None)
    if isinstance(shuffles, (data.RandomSampler, data.WeightedRandomSampler)):
        raise ValueError(
            "X must give the samples in the same order each time; got a DataLoader "
            "that shuffles. Pass one with shuffle=False."
        )


def _rows_of(array, rows):
    """Rows of an array or list by their numbers; itself where these are all."""
    array = array if hasattr(array, "shape") else np.asarray(array)
    if hasattr(array, "iloc"):  # a frame or series of pandas
        return array.iloc[rows]
    if np.array_equal(rows, np.arange(array.shape[0])):
        return array
    return take(array, rows)


def _on_host(samples):
    """Samples as NumPy arrays, for a hash."""
    if isinstance(samples, Mapping):
        return {str(key): _on_host(one) for key, one in samples.items()}
    if isinstance(samples, (tuple, list)):
        return [_on_host(one) for one in samples]
    return np.asarray(taken_in_labels(samples))
