"""Tests of digests of arrays."""

import numpy as np
import pytest
import scipy.sparse as sp

from skdse._tools.digests import BLOCK_BYTES, digest

X = np.random.default_rng(0).normal(size=(BLOCK_BYTES // 8, 3))  # several blocks


def test_equal_content_has_one_digest():
    assert digest(X) == digest(X.copy()) == digest(np.asfortranarray(X))
    assert digest(sp.csr_array(np.eye(3))) == digest(sp.csc_array(np.eye(3)))


@pytest.mark.parametrize("row", [0, len(X) // 2, len(X) - 1])
def test_any_entry_counts(row):
    Z = X.copy()
    Z[row, 1] = np.nextafter(Z[row, 1], 9)
    assert digest(Z) != digest(X)


def test_order_shape_and_type_count():
    few = np.zeros((4, 2))
    others = [few.reshape(2, 4), few.astype(np.float32), np.zeros((8, 2), np.float32)]
    found = {digest(few), *map(digest, others), digest(sp.csr_array(few))}
    assert len(found) == 5
    assert digest(X[::-1]) != digest(X)
