"""The meter of diffusion spectral entropy, see `meter`.

X ─► scale ─► affinity G ─► diffusion operator S ─► spectrum λ ─► entropy.
"""

from contextlib import nullcontext
from dataclasses import dataclass, replace

import numpy as np

from .._tools.arrays import exact_products, is_device_array
from .._tools.digests import digest
from .._tools.parallel import threads_for_maps
from .affinity import Affinity
from .bandwidth import Bandwidth
from .blocked.affinity import OnBlocks, works_on_blocks
from .blocked.samples import is_blocked
from .diffusion import diffusion_operator
from .drift import DENSE_MOST, STEP, TOL, Delay, Drift, Misses
from .given import ToFitted
from .given_affinities import ThroughFitted
from .matching import matched_time
from .meter import SimpleMeter
from .small_sets import SMALL_SET, small_spectra
from .solvers import (
    DEFAULT_TOL,
    LOOSEST,
    SINGLE_SAMPLES,
    SINGLE_SAMPLES_OF_MANY,
    all_pairs_seconds,
    choose_solver,
    solve,
    warn_if_long,
    warn_if_many_are_long,
)
from .spectrum import Spectrum, knee_time

# Times that are not known before the samples are.
OPEN_TIMES = ("auto", "matched")


@dataclass(frozen=True)
class SpectralScale:
    """Bandwidth of the samples, and the diffusion time; None while it is open.

    The time has a relative standard error where it follows from some pairs. The seed is
    that of the fit, and the digest that of the very samples that the scale was fitted
    to; empty where it is not of these, or nothing was fitted.
    """

    bandwidth: Bandwidth
    t: float | None
    seed: int | None = None
    digest: bytes = b""
    t_error: float = 0.0

    def entropy(self, spectrum):
        """EntropyEstimate of a spectrum at the time, with what its error does."""
        estimate = spectrum.entropy(self.t)
        if self.t_error == 0:
            return estimate
        delay = Delay(self.t_error, spectrum)
        return estimate.drifted(delay, self.t, spectrum.n_samples)

    def is_of(self, X):
        """Whether X are the samples that the scale was fitted to."""
        return bool(self.digest) and self.digest == digest(X)

    def take(self, rows):
        """Scale of some of the samples."""
        return replace(self, bandwidth=self.bandwidth.take(rows), digest=b"")

    def at(self, X, affinity=None):
        """Scale of other samples, as an affinity has it; of the fitted ones, itself."""
        if self.is_of(X):
            return self
        found = affinity.at(X, self.bandwidth) if affinity else self.bandwidth.at(X)
        return replace(self, bandwidth=found, digest=b"")


@dataclass(frozen=True, kw_only=True)
class SpectralMeter(SimpleMeter):
    """Entropy of the spectrum of a diffusion operator."""

    affinity: Affinity
    alpha: float = 0.5
    t: float | str = 1
    eigen_solver: str = "auto"
    n_components: int | None = None
    tol: float = 1e-3  # type: ignore[misc]  # a constant of other meters
    verbose: int = 0
    # Whether to tell before a long job, where that is not one of many that are told of.
    tells: bool = True
    # Samples from which on "auto" solves in float32.
    single: int = SINGLE_SAMPLES

    @property
    def is_pairwise(self):
        """Whether X is the affinity itself."""
        return self.affinity.is_pairwise

    @property
    def accepts_sparse(self):
        """Affinities may be sparse, samples not."""
        return self.affinity.is_pairwise

    @property
    def takes_blocks(self):
        """Whether samples may lie in blocks on a cluster."""
        return self.t != "matched" and works_on_blocks(self.affinity)

    @property
    def given_t(self):
        """Diffusion time, None where it is to be chosen by a spectrum."""
        return None if self.t in OPEN_TIMES else self.t

    def check(self, X):
        """X as the affinity takes it."""
        return self._on(X).check(X)

    def check_others(self, X, n_fitted):
        """X as samples that need not be the fitted ones."""
        return self._on(X).check_others(X, n_fitted)

    def take(self, X, rows):
        """Some of the samples of X."""
        return self._on(X).take(X, rows)

    def others(self, X, scale):
        """Meter, samples and scale of samples that need not be the fitted ones.

        Those known by what they are to the fitted samples see each other through
        these: of the walk there and back eigenvalues are squares, at half the time.
        """
        if not isinstance(X, ToFitted):
            return self, X, scale.at(X, self._on(X))
        B, t = self.affinity.to_fitted(X.entries, scale.bandwidth), scale.t / 2
        through = ThroughFitted(alpha=self.alpha)
        meter = replace(self, affinity=through, alpha=0.0, t=t)
        return meter, B, SpectralScale(Bandwidth(None), t)

    def fit(self, X, seed):
        """Scale of X; the time is open where it is to be chosen by a spectrum."""
        with exact_products(X):
            bandwidth = self._on(X).fit(X, seed)
        is_found = bandwidth.sigma is not None and isinstance(self.affinity.rule, str)
        known = digest(X) if is_found else b""
        return self._timed(X, SpectralScale(bandwidth, self.given_t, seed, known), seed)

    def refit(self, X, seed, known):
        """Scale as fit finds it: a known one of this meter, where it is the same."""
        same = known.seed == seed or known.bandwidth.is_certain
        if not same or not self.knows(known, X):
            return self.fit(X, seed)
        return self._timed(X, replace(known, t=self.given_t, t_error=0.0), seed)

    def fit_spectrum(self, X, seed):
        """Scale of X, and its spectrum; what both look at in all pairs is made once."""
        n, solver = X.shape[0], self.solver(X.shape[0])
        self._announce(X, solver)  # before any work
        hold = self.affinity.is_tiled and solver == "lanczos" and not is_device_array(X)
        hold = hold and self.affinity.keeps(n, solver, itemsize=4)
        with exact_products(X):
            bandwidth = self._on(X).fit(X, seed, hold=hold)
        known = digest(X) if bandwidth.is_adaptive else b""
        scale = SpectralScale(bandwidth, self.given_t, seed, known)
        scale = self._timed(X, scale, seed)
        spectrum = self.quiet().solve(X, scale, seed)
        return replace(scale, bandwidth=replace(bandwidth, held=None)), spectrum

    def _timed(self, X, scale, seed):
        """Scale with the time that its samples tell, if the meter asks for that."""
        if self.t != "matched":
            return scale
        if X.shape[0] == 1 or self.affinity.is_one_point(X, scale.bandwidth):
            return replace(scale, t=1.0)
        with exact_products(X):
            bandwidth = self.affinity.settle(X, scale.bandwidth, seed)
            found = matched_time(X, self.affinity, bandwidth, self.alpha, seed)
        scale = replace(scale, bandwidth=bandwidth)
        return replace(scale, t=found.t, t_error=found.log_error)

    def knows(self, scale, X):
        """Whether the scale was fitted to the very samples X, by their digest."""
        return scale.is_of(X)

    def settle(self, X, scale, rows, seed):
        """Find what parts need of all samples; an open time, by some rows."""
        if X.shape[0] > 1:
            with exact_products(X):
                bandwidth = self._on(X).settle(X, scale.bandwidth, seed)
            scale = replace(scale, bandwidth=bandwidth)
        if scale.t is not None:
            return scale
        spectrum = self.solve(self.take(X, rows), scale.take(rows), seed)
        return replace(scale, t=knee_time(spectrum))

    def isolated_share(self, X, scale, labels):
        """Share of the samples of a graph that have no edge within their group."""
        return self._on(X).isolated_share(X, scale.bandwidth, labels)

    def measure(self, X, scale, seed):
        """Entropy of the samples X at their scale."""
        return scale.entropy(self.solve(X, scale, seed))

    def measure_nested(self, X, scale, sizes, seed):
        """Entropy of the first samples, for several sizes, with the tiles in common."""
        share = {self.solver(size) for size in sizes} == {"lanczos"}
        share &= self.affinity.is_tiled and scale.bandwidth.log_error == 0
        if not share or self.affinity.is_one_point(X, scale.bandwidth):
            return super().measure_nested(X, scale, sizes, seed)
        with exact_products(X):
            G = self._matrix(X, scale, "lanczos", seed)
            heads = [G.head(size) for size in sizes]
            spectra = [self._spectrum(G, "lanczos", seed, scale.t) for G in heads]
        return [scale.entropy(spectrum) for spectrum in spectra]

    def measure_many(self, X, scale, sets, seed):
        """Entropy of each set of rows, of the small ones many at a time."""
        is_small = self.is_small_on_device if is_device_array(X) else self.is_small
        small = [i for i, rows in enumerate(sets) if is_small(len(rows))]
        if not small or self.affinity.is_one_point(X, scale.bandwidth):
            return super().measure_many(X, scale, sets, seed)
        spectra = self._small_spectra(X, scale.bandwidth, [sets[i] for i in small])
        found = {i: scale.entropy(one) for i, one in zip(small, spectra, strict=True)}
        rest = [rows for i, rows in enumerate(sets) if i not in found]
        others = iter(super().measure_many(X, scale, rest, seed))
        return [found[i] if i in found else next(others) for i in range(len(sets))]

    def is_small(self, n_samples):
        """Whether all eigenvalues of so many samples take next to no time."""
        return (
            n_samples <= SMALL_SET
            and self.affinity.has_pairs
            and self.solver(n_samples) == "dense"
        )

    def is_small_on_device(self, n_samples):
        """Whether a device is best given many sets of so many samples at a time."""
        return self.affinity.has_pairs and self.solver(n_samples) == "dense"

    def is_exact(self, n_samples):
        """Whether the solver takes no tolerance, or none that matters."""
        tol = max(self.tol, self.loosest)
        return replace(self, tol=tol).solver(n_samples) != "lanczos"

    @property
    def loosest(self):
        """Largest `tol` that is honest."""
        return LOOSEST[self.affinity.spectrum_kind]

    def exact(self):
        """Meter that solves for all eigenvalues, however many."""
        return replace(self, eigen_solver="dense")

    def of_many(self, X):
        """Meter of sets of X, whose mean errs by more than the rounding of float32.

        On devices such sets are solved in stacks; at times below 1, small eigenvalues
        and their rounding count.
        """
        is_early = not isinstance(self.t, str) and self.t < 1
        if is_early or self.tol < DEFAULT_TOL or is_device_array(X):
            return self
        return replace(self, single=SINGLE_SAMPLES_OF_MANY)

    def tell_if_long(self, X, sizes):
        """Warn where sets of these sizes together take long."""
        if is_device_array(X) or is_blocked(X):
            return
        distinct, counts = np.unique(sizes, return_counts=True)
        seconds = [self._seconds(int(n), X.shape[1]) for n in distinct]
        warn_if_many_are_long(counts @ seconds, sizes, self.solver(distinct[-1]))

    def quiet(self):
        """Meter that measures without such warnings."""
        return replace(self, tells=False)

    def solve(self, X, scale, seed):
        """Spectrum of the diffusion operator on the samples X."""
        n = X.shape[0]
        if n == 1 or self._on(X).is_one_point(X, scale.bandwidth):
            return Spectrum.of_identical_samples(n)
        solver = self.solver(n)
        with exact_products(X):
            G = self._matrix(X, scale, solver, seed)
            with threads_for_maps() if G.maps_threads else nullcontext():
                spectrum = self._spectrum(G, solver, seed, scale.t)
        return self._with_drift(spectrum, X, scale, seed)

    def _with_drift(self, spectrum, X, scale, seed):
        """Spectrum that knows what the error of the bandwidth does, if there is one."""
        bandwidth = scale.bandwidth
        search = bandwidth.index or bandwidth.fitted
        if search is not None and search.error > 0:
            return replace(spectrum, drift=Misses(search.error))
        if bandwidth.log_error == 0:
            return spectrum
        solver = "dense" if X.shape[0] <= DENSE_MOST else "lanczos"
        quick = replace(self, eigen_solver=solver, tol=max(self.tol, TOL), tells=False)
        here, moved = (
            quick.solve(X, replace(scale, bandwidth=bandwidth.moved(step)), seed)
            for step in (0.0, STEP)
        )
        return replace(spectrum, drift=Drift(bandwidth.log_error, here, moved))

    def _small_spectra(self, X, bandwidth, sets):
        """Spectra of small sets of rows, which know what their bandwidth's error does.

        They are exact, so that they stand for those at the bandwidth.
        """
        parts = self.affinity, self.alpha, X
        spectra, error = small_spectra(*parts, bandwidth, sets), bandwidth.log_error
        if error == 0:
            return spectra
        moved = small_spectra(*parts, bandwidth.moved(STEP), sets)
        pairs = zip(spectra, moved, strict=True)
        return [replace(one, drift=Drift(error, one, other)) for one, other in pairs]

    def solver(self, n_samples):
        """Name of the solver for so many samples."""
        kind = self.affinity.spectrum_kind
        return choose_solver(self.eigen_solver, n_samples, kind, self.tol, self.single)

    def _on(self, X):
        """The affinity, as it is one of samples of this kind."""
        return OnBlocks(self.affinity) if is_blocked(X) else self.affinity

    def _seconds(self, n_samples, n_features):
        """Time that so many samples take; 0 where it cannot be told."""
        affinity, solver = self.affinity, self.solver(n_samples)
        if not affinity.is_of_all_pairs:
            return 0.0
        keeps = affinity.keeps(n_samples, solver)
        work = n_samples, n_features * affinity.cost, solver, keeps
        return all_pairs_seconds(*work, affinity.spectrum_kind, self.tol)

    def _matrix(self, X, scale, solver, seed):
        """Affinity of the samples X, announced where it is a long job."""
        self._announce(X, solver)
        return self._on(X).matrix(X, scale.bandwidth, solver, seed)

    def _announce(self, X, solver):
        """Raise where the affinity does not fit, warn where it is a long job."""
        n, d = X.shape
        self._on(X).check_memory(X, solver)
        if self.tells and not (is_device_array(X) or is_blocked(X)):
            warn_if_long(self._seconds(n, d), n, solver)

    def _spectrum(self, G, solver, seed, t):
        """Spectrum of the diffusion operator of the affinity G, for a time t or 1."""
        operator = diffusion_operator(
            G,
            self.alpha,
            positive_semidefinite=self.affinity.is_semidefinite,
        )
        return solve(
            operator,
            solver,
            t=1 if t is None else t,
            tol=self.tol,
            n_components=self.n_components,
            random_state=seed,
            verbose=self.verbose,
        )
