"""Rows in one piece of memory: the same rows as of parts put together."""

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from skdse.probing._rows import MOVED, Rows


@pytest.fixture(params=["numpy", "torch"])
def convert(request):
    """Make an array one of NumPy, or a tensor."""
    if request.param == "numpy":
        return np.array
    return pytest.importorskip("torch").from_numpy


@pytest.mark.parametrize("most", [None, 40, 70, 1000])
def test_batches_are_joined(convert, rng, most):
    parts = [rng.normal(size=(n, 3)).astype(np.float32) for n in (7, 1, 12, 20)]
    rows = Rows("layer", most)
    for one in parts:
        rows.append(convert(one))
    found = rows.finish()
    assert type(found) is type(convert(parts[0]))
    assert_array_equal(np.asarray(found), np.concatenate(parts))
    # Nothing is held beside the rows themselves.
    if isinstance(found, np.ndarray):
        assert found.base is None or found.base.nbytes == found.nbytes
    else:
        assert found.untyped_storage().nbytes() == found.nbytes


def test_rows_are_left_out_in_place(convert, rng):
    rows, expected = Rows("layer", 900), np.empty((0, 2))
    for _ in range(9):
        batch = rng.normal(size=(300, 2))
        rows.append(convert(batch.copy()))
        expected = np.concatenate([expected, batch])
        if len(expected) > 600:
            # More than are moved at a time.
            kept = np.sort(rng.permutation(len(expected))[: 2 * MOVED + 7])
            rows.keep(kept)
            expected = expected[kept]
    assert_array_equal(np.asarray(rows.finish()), expected)


def test_memory_is_taken_once(convert, monkeypatch):
    made = []
    empty_like = Rows.append.__globals__["_empty_like"]

    def counted(Z, n_rows):
        made.append(n_rows)
        return empty_like(Z, n_rows)

    monkeypatch.setitem(Rows.append.__globals__, "_empty_like", counted)
    rows = Rows("layer", 130)
    for _ in range(50):
        rows.append(convert(np.ones((20, 2))))
        if rows.n_rows > 100:
            rows.keep(np.arange(80))
    assert made == [130]


def test_another_width_is_refused(convert):
    for most in (None, 10):
        rows = Rows("third", most)
        rows.append(convert(np.ones((2, 5))))
        message = "layer 'third' gives 4 features in one batch and 5 in another"
        with pytest.raises(ValueError, match=message):
            rows.append(convert(np.ones((2, 4))))


def test_more_than_were_foreseen_are_taken(convert):
    rows = Rows("layer", 3)
    for one in (np.ones((2, 1)), np.zeros((4, 1))):
        rows.append(convert(one))
    assert np.asarray(rows.finish()).ravel().tolist() == [1, 1, 0, 0, 0, 0]
