"""Rows that are kept of a stream: at most so many, the same however it is cut.

Each row (a sample, or a token of a sample) has a random number that depends on the seed
and on which row it is, and on nothing else. Those with the smallest numbers are kept.
So neither the size of batches nor the length of the stream needs to be known.
"""

import numpy as np

from .._tools.digests import mix

# What splitmix64 adds at each step.
STEP = np.uint64(0x9E3779B97F4A7C15)


class Selection:
    """At most max_rows rows of a stream, all if it is None.

    Attributes
    ----------
    samples : array of shape (n_rows,)
        Number of the sample that each row kept so far belongs to.
    n_seen : int
        Number of samples so far.
    """

    def __init__(self, max_rows=None, seed=0):
        self.max_rows, self.seed = max_rows, seed
        self.n_seen, self.samples = 0, np.empty(0, np.int64)
        self._keys, self._limit = np.empty(0, np.uint64), None

    def choose(self, n_samples, is_token=None):
        """Rows of a batch that may be kept: their numbers in it, samples and keys.

        is_token, of shape (n_samples, n_tokens), tells which tokens are rows; without
        it, samples are. Tokens are numbered through.
        """
        if is_token is None:
            rows = sample = np.arange(n_samples)
            token = np.zeros_like(rows)
        else:
            rows = np.flatnonzero(is_token)
            sample, token = np.divmod(rows, is_token.shape[1])
        sample = sample + self.n_seen
        keys = row_keys(self.seed, sample, token)
        kept = slice(None) if self._limit is None else keys < self._limit
        return rows[kept], sample[kept], keys[kept]

    def add(self, n_samples, chosen):
        """Add rows that were chosen of a batch."""
        _, sample, keys = chosen
        self.samples = np.concatenate([self.samples, sample])
        self._keys = np.concatenate([self._keys, keys])
        self.n_seen += n_samples

    def leave_out(self, factor=2):
        """Leave the largest keys out; places of the rows kept, None where all are.

        Nothing is done before there are so many times the rows that are kept.
        """
        n_rows = len(self._keys)
        if self.max_rows is None or n_rows <= factor * self.max_rows:
            return None
        kept = np.sort(np.argsort(self._keys, kind="stable")[: self.max_rows])
        self.samples, self._keys = self.samples[kept], self._keys[kept]
        self._limit = self._keys.max()
        return kept


def chosen_samples(n_samples, max_samples, seed=0):
    """Numbers of the samples that a selection keeps of so many, in ascending order."""
    if max_samples is None or max_samples >= n_samples:
        return np.arange(n_samples)
    keys = row_keys(seed, np.arange(n_samples), np.zeros(n_samples, np.int64))
    return np.sort(np.argsort(keys, kind="stable")[:max_samples])


def row_keys(seed, sample, token):
    """Random number of each row, of 64 bits: that of splitmix64 at its place."""
    keys = mix(np.array([seed % 2**64], np.uint64) + np.uint64(1) + STEP)
    for part in (sample, token):
        keys = mix((keys ^ np.asarray(part).astype(np.uint64)) + STEP)
    return keys
