"""Tiles that are kept as they are, in 16 bits, or not at all."""

from itertools import pairwise

import numpy as np
import pytest
from sklearn import config_context

from skdse._spectra.bandwidth import Bandwidth
from skdse._spectra.diffusion import diffusion_operator
from skdse._spectra.kernels import Exponents, GaussianEntries
from skdse._spectra.lanczos.course import lanczos_density
from skdse._spectra.lanczos.plan import plan_for
from skdse._spectra.solvers import solve
from skdse._spectra.tiles import LARGEST_CODE, TILE_ROWS, TiledKernel
from skdse._tools.parallel import lower_tiles, row_blocks

# Root mean square of the rounding of roots: of affinities it is 2 √G times as large.
CODE_ERROR = 12**-0.5 / LARGEST_CODE


def _tiles(X, sigma, share):
    """Kernel whose room is a share of what all tiles take in float32."""
    entries = GaussianEntries(X, Bandwidth(sigma))
    full = TiledKernel(entries, np.inf)
    n_bytes = 4 * sum((a.stop - a.start) * (b.stop - b.start) for a, b in full.pairs)
    return TiledKernel(entries, share * n_bytes)


@pytest.fixture(scope="module")
def X():
    rng = np.random.default_rng(0)
    return rng.normal(size=(2 * TILE_ROWS + 300, 6)).astype(np.float32)


@pytest.mark.parametrize(
    ("share", "is_coded", "n_kept"),
    [(1, False, 6), (0.5, True, 6), (0.3, True, 2), (0, True, 0)],
)
def test_what_fits_is_kept(X, share, is_coded, n_kept):
    # Six tiles of the lower triangle have the size of 3 + 2 * 0.29 + 0.09 whole ones.
    tiles = _tiles(X, 2.0, share)
    tiles.matmat(np.ones((len(X), 2), np.float32))
    assert tiles.is_coded == is_coded
    assert len(tiles.kept) == n_kept
    used = sum(tile.nbytes for tile in tiles.kept.values())
    assert used <= share * 4 * len(X) ** 2
    assert {tile.dtype for tile in tiles.kept.values()} <= {
        np.dtype(np.uint16 if is_coded else np.float32)
    }


@pytest.mark.parametrize("share", [1, 0.5])
def test_what_is_kept_lies_in_one_piece_that_no_thread_has_asked_for(X, share):
    tiles = _tiles(X, 2.0, share)
    memory = tiles.shelf.place(*tiles.pairs[0]).base
    tiles.matmat(np.ones((len(X), 2), np.float32))
    assert {id(tile.base) for tile in tiles.kept.values()} == {id(memory)}
    ends = sorted(
        (tile.__array_interface__["data"][0], tile.nbytes)
        for tile in tiles.kept.values()
    )
    for (start, n_bytes), (following, _) in pairwise(ends):
        assert start + n_bytes == following
    # What the first samples make on their own is not written over the others'.
    fresh = _tiles(X, 2.0, share)
    head = fresh.head(TILE_ROWS + 100)
    V = np.ones((head.n_samples, 2), np.float32)
    first = head.matmat(V)
    fresh.matmat(np.ones((len(X), 2), np.float32))
    np.testing.assert_array_equal(head.matmat(V), first)


def test_exponents_become_affinities_where_they_are_held(X):
    entries = GaussianEntries(X, Bandwidth(1.0))
    held = Exponents(X, 1.0, row_blocks(len(X), TILE_ROWS))
    for rows, columns in lower_tiles(held.shelf.blocks):
        entries.exponents(rows, columns, held.place(rows, columns))
    tiles = TiledKernel(GaussianEntries(X, Bandwidth(2.0, held=held)), np.inf)
    V = np.random.default_rng(1).normal(size=(len(X), 3)).astype(np.float32)
    found = [tiles.matmat(V) for _ in range(2)]
    assert tiles.shelf is held.shelf and not held.filled
    expected = _tiles(X, 2.0, 1).matmat(V)
    np.testing.assert_allclose(found[0], expected, rtol=1e-5, atol=1e-3)
    np.testing.assert_array_equal(found[0], found[1])


@pytest.mark.parametrize("share", [0.5, 0.3, 0])
def test_products_are_within_the_rounding_of_16_bits(X, share):
    exact, tiles = _tiles(X, 2.0, 1), _tiles(X, 2.0, share)
    v = np.random.default_rng(1).normal(size=len(X))
    for product in ("matvec", "squares_matvec"):
        for _ in range(2):  # as they are made, and as they are kept
            difference = getattr(tiles, product)(v) - getattr(exact, product)(v)
            # n independent errors of 2 CODE_ERROR at most, of squares twice as large.
            bound = 16 * CODE_ERROR * np.linalg.norm(v) + 1e-4
            assert np.abs(difference).max() <= bound
    np.testing.assert_array_equal(tiles.diagonal(), 1)
    G, kept = exact.toarray(), tiles.toarray()
    error = np.sqrt(np.mean(np.square(kept - G, dtype=float)))
    assert tiles.entry_error == pytest.approx(error, rel=1e-3, abs=1e-12)
    assert (tiles.entry_error > 0) == (share > 0)


class _Counted(GaussianEntries):
    """Entries that count how many tiles are made."""

    n_made = 0

    def tile(self, rows, columns):
        self.n_made += 1
        return super().tile(rows, columns)


@pytest.mark.parametrize(("alpha", "n_set_up"), [(0.5, 2), (0, 1)])
def test_norm_and_first_product_are_one_pass(X, alpha, n_set_up):
    X = X[:300]
    with config_context(working_memory=1):  # tiles of 90 rows
        G = TiledKernel(_Counted(X, Bandwidth(2.0)))
    n_tiles, operator = len(G.pairs), diffusion_operator(G, alpha)
    assert operator.n_passes == n_set_up
    assert G.entries.n_made == n_set_up * n_tiles
    V = np.random.default_rng(1).normal(size=(300, 4)).astype(np.float32)
    found = operator.matmat(V), operator.squared_norm
    assert operator.n_passes == n_set_up + 1
    assert G.entries.n_made == (n_set_up + 1) * n_tiles
    alone = diffusion_operator(G, alpha)
    assert found[1] == alone.squared_norm
    assert alone.n_passes == n_set_up + 1
    np.testing.assert_array_equal(found[0], alone.matmat(V))


@pytest.mark.parametrize("share", [1, 0])
def test_passes_are_told_before_and_after(X, capsys, share):
    G = _tiles(X, 2.0, share)
    operator = diffusion_operator(G, positive_semidefinite=True)
    planned = plan_for(operator).n_passes(operator)
    solve(operator, "lanczos", random_state=0, verbose=1)
    said = capsys.readouterr().err
    told = f"about {planned} passes over the affinity planned"
    assert f"lanczos: {told}, 2 of them made before\n" in said
    assert f"lanczos: {G.n_products} passes made, {told}\n" in said
    assert G.n_products == operator.n_passes
    assert G.n_products / 2 < planned < 4 * G.n_products


def test_codes_of_roots_are_exact_at_both_ends_and_uniform_between():
    tiles = _tiles(np.array([[0.0], [0.0], [100.0], [1.0]], np.float32), 1.0, 0.5)
    for _ in range(2):
        G = tiles.tile(tiles.blocks[0], tiles.blocks[0])
    assert G[0, 1] == 1 and G[0, 2] == 0
    assert abs(G[0, 3] - np.exp(-0.5)) <= 1 / LARGEST_CODE + 1e-7
    # With roots r the error of r² is 2 r times that of r: with r² uniform, of its mean
    # 1/2, this root mean square.
    g = np.random.default_rng(0).uniform(size=100_000)
    errors = (np.rint(LARGEST_CODE * np.sqrt(g)) / LARGEST_CODE) ** 2 - g
    assert np.std(errors) == pytest.approx(2 * CODE_ERROR * 0.5**0.5, rel=0.02)


def test_first_samples_share_what_is_kept(X):
    tiles = _tiles(X, 2.0, 0.5)
    V = np.random.default_rng(1).normal(size=(len(X), 3)).astype(np.float32)
    tiles.matmat(V)
    head = tiles.head(TILE_ROWS + 100)
    n_kept = len(head.kept)
    found = head.matmat(V[: head.n_samples])
    assert n_kept == 3
    expected = _tiles(X[: head.n_samples], 2.0, 1).matmat(V[: head.n_samples])
    np.testing.assert_allclose(found, expected, atol=16 * CODE_ERROR * len(X) ** 0.5)


@pytest.mark.parametrize("sigma", [1.0, 4.0])
def test_entropy_is_within_its_error_which_knows_the_rounding(X, sigma):
    def density(share):
        G = _tiles(X, sigma, share)
        operator = diffusion_operator(G, positive_semidefinite=True)
        return lanczos_density(operator, plan_for(operator), random_state=0)

    exact, coded = density(1).entropy(1), density(0.5)
    found = coded.entropy(1)
    error = np.hypot(exact.std_error, found.std_error)
    assert abs(found.value - exact.value) <= 2 * error
    assert coded.errors(1).rounding > density(1).errors(1).rounding
