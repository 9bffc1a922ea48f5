"""Solvers: DiffusionOperator -> Spectrum; each a function and a line in SOLVERS.

dense    all eigenvalues, in float64.
dense32  all eigenvalues, in float32: half of the memory, and of the time for many.
arpack   the n_components of largest modulus; the rest is known through its moments.
lanczos  the spectral density, estimated from random probes to a tolerance.
"""

import warnings

import numpy as np
from scipy.sparse.linalg import ArpackNoConvergence, LinearOperator, eigsh
from sklearn.exceptions import ConvergenceWarning, EfficiencyWarning
from sklearn.utils import check_random_state

from .._tools.arrays import (
    free_bytes,
    has_float64,
    is_device_array,
    namespace,
    to_host,
)
from .._tools.progress import say
from .._tools.validation import check_fits_in_memory, fits_in_memory, user_stacklevel
from .bands import eigenvalues_by_band
from .lanczos.course import lanczos_density
from .lanczos.plan import plan_for
from .lapack import are_callable, eigenvalues_by_tridiagonal
from .spectrum import Spectrum

# Samples up to which all eigenvalues take about as long at the default tol, by the kind
# of spectrum (two cores). Lanczos needs few steps where no eigenvalue is negative, or
# few are, as with adaptive bandwidths, and many probes for the flat spectrum of a
# sparse graph or of a kernel that is not Euclidean.
DENSE_MAX_SAMPLES = {
    "semidefinite": 1800,
    "nearly semidefinite": 2500,
    "sparse": 8000,
    "indefinite": 20_000,
}
# Tolerance up to which the error that Lanczos states is honest. Beyond, few steps miss
# the kink of an indefinite spectrum: at 2e-2, 2000 images of MNIST err by 0.1 bits.
LOOSEST = {
    "semidefinite": 2e-2,
    "nearly semidefinite": 2e-2,
    "sparse": 2e-2,
    "indefinite": 5e-3,
}
# They are proportional to 1 / tol, between these: below, LAPACK takes no time.
DENSE_LEAST, DENSE_MOST, DEFAULT_TOL = 500, 20_000, 1e-3
# Beyond so many samples a band is the faster way to all eigenvalues, in float64 and in
# float32 (4000: LAPACK 3.1 s, by a band 2.9 s, in float32 2.0 s).
BAND_SAMPLES, BAND_SAMPLES_SINGLE = 4000, 3500
# Samples from which on "auto" takes float32: one set of samples, and one of many whose
# mean errs by more than its rounding (500, 1000, 2000: 8, 38, 226 ms for 11, 55, 487).
# Matrices of fewer are solved in float64, whatever their entries are in.
SINGLE_SAMPLES, SINGLE_SAMPLES_OF_MANY = 2500, 500
# Error of an eigenvalue by float32, root mean square: 1e-9 to 3.4e-8 (30 problems).
SINGLE_ERROR = 3e-8
DEFAULT_N_COMPONENTS = 64
# Two cores: time of all eigenvalues over the cube of the samples; a second makes and
# multiplies so many operations of tiles; lanczos takes about so many products.
DENSE_SECONDS = {"dense": 4.5e-11, "dense32": 2e-11}
TILE_OPERATIONS, N_PRODUCTS = 8e10, 18
LONG = 120  # [s]
LANCZOS = "eigen_solver='lanczos'"  # a way out
# Residual of an eigenpair, and so a bound of the error of its eigenvalue. Rounding
# alone (ARPACK's default) is not reached where eigenvalues crowd.
ARPACK_TOL = 1e-12
# Where ARPACK does not converge, LAPACK takes over up to so many samples (5 s).
FALLBACK_SAMPLES = 4000


def solve_dense(operator, **_):
    """All eigenvalues, by LAPACK in float64."""
    _check_memory(operator, 2)  # S, and the copy that eigvalsh works on
    return _spectrum(operator, _eigenvalues(operator.toarray()))


def solve_dense32(operator, **_):
    """All eigenvalues, in float32."""
    _check_memory(operator, 1)  # S and the affinity, both in float32
    eigenvalues = _eigenvalues(operator.toarray(np.float32))
    # What may be rounding alone counts as 0.
    eigenvalues = np.where(np.abs(eigenvalues) > SINGLE_ERROR, eigenvalues, 0.0)
    return _spectrum(operator, eigenvalues, eigenvalue_error=SINGLE_ERROR)


def _check_memory(operator, n_matrices):
    """Raise where dense matrices would not fit in the memory in which S is made."""
    free = free_bytes(operator.leading_block())
    way_out = f"{LANCZOS}, or a subsample"
    check_fits_in_memory(operator.n_samples, n_matrices, way_out, free)


def _eigenvalues(S):
    """All eigenvalues of S, which may be overwritten."""
    if is_device_array(S):
        return _eigenvalues_on_device(S)
    is_single = S.dtype == np.float32
    if is_single and len(S) <= SINGLE_SAMPLES_OF_MANY:
        return np.linalg.eigvalsh(S.astype(np.float64))
    if len(S) > (BAND_SAMPLES_SINGLE if is_single else BAND_SAMPLES):
        return eigenvalues_by_band(S)
    if is_single and are_callable("ssytrd", "dsterf"):
        return eigenvalues_by_tridiagonal(S)
    # numpy's, for it lets other threads run; scipy's holds the interpreter's lock.
    return np.linalg.eigvalsh(S)


def _eigenvalues_on_device(S):
    """All eigenvalues of S on its device, or on the host where it has no float64.

    Such devices (MPS) have no eigenvalues either.
    """
    if not has_float64(S):
        return np.linalg.eigvalsh(to_host(S).astype(np.float64))
    return to_host(namespace(S).linalg.eigvalsh(S)).astype(np.float64)


def solve_arpack(operator, *, n_components=None, random_state=None, **_):
    """Eigenvalues of largest modulus, by implicitly restarted Lanczos."""
    n = operator.n_samples
    k = DEFAULT_N_COMPONENTS if n_components is None else n_components
    if k + 1 >= n:
        return solve_dense(operator)
    start = check_random_state(random_state).uniform(-1, 1, size=(2, n))
    try:
        eigenvalues, ceiling = _largest(operator, k, start)
    except ArpackNoConvergence as error:
        if n <= FALLBACK_SAMPLES:
            return solve_dense(operator)
        warnings.warn(
            f"eigen_solver='arpack' found {len(error.eigenvalues)} of {k} eigenvalues; "
            "the interval is wider for it. Lower n_components, or increase t or "
            "bandwidth.",
            ConvergenceWarning,
            stacklevel=2,
        )
        # What converged are eigenvalues all the same, and none exceeds 1, which is one.
        eigenvalues, ceiling = error.eigenvalues, 1.0
        if not np.any(np.isclose(eigenvalues, 1.0)):
            eigenvalues = np.append(1.0, eigenvalues)
    return _spectrum(operator, eigenvalues, ceiling, ARPACK_TOL)


def _largest(operator, k, start):
    """Return the k eigenvalues of largest modulus and the modulus of the next."""
    n = operator.n_samples
    S = LinearOperator((n, n), matvec=operator.matvec, dtype=np.float64)
    options = {"which": "LM", "tol": ARPACK_TOL}
    eigenvalues, vectors = eigsh(S, k=k, v0=start[0], **options)

    def deflated(v):
        return operator.matvec(v) - vectors @ (eigenvalues * (vectors.T @ v))

    # Lanczos can pass over a copy of a repeated eigenvalue, so the ceiling of what
    # is unseen is solved for and not taken to be the k-th eigenvalue.
    rest = LinearOperator((n, n), matvec=deflated, dtype=np.float64)
    (following,) = eigsh(rest, k=1, v0=start[1], return_eigenvectors=False, **options)
    return eigenvalues, abs(following) + ARPACK_TOL


def solve_lanczos(operator, *, t=1, tol=1e-3, random_state=None, verbose=0, **_):
    """Spectral density, by block Lanczos quadrature of random probes."""
    plan = plan_for(operator)
    planned = f"about {plan.n_passes(operator)} passes over the affinity planned"
    if verbose:
        say(f"lanczos: {planned}, {operator.n_passes} of them made before")
    density = lanczos_density(
        operator,
        plan,
        t=t,
        tol=tol,
        random_state=random_state,
        verbose=verbose,
    )
    if verbose:
        say(f"lanczos: {operator.n_passes} passes made, {planned}")
    reached = density.entropy(t).std_error
    if reached > tol:
        warnings.warn(
            f"eigen_solver='lanczos' reached a standard error of {reached:.2g} bits, "
            f"above tol={tol!r}, within its largest number of probes and steps. "
            "Increase tol or t, or use eigen_solver='dense'.",
            ConvergenceWarning,
            stacklevel=2,
        )
    return density


SOLVERS = {
    "dense": solve_dense,
    "dense32": solve_dense32,
    "arpack": solve_arpack,
    "lanczos": solve_lanczos,
}


def choose_solver(
    solver, n_samples, kind="indefinite", tol=DEFAULT_TOL, single=SINGLE_SAMPLES
):
    """Solver by name, or what "auto" is; single: samples from which on in float32."""
    if solver != "auto":
        return solver
    if n_samples > dense_max_samples(kind, tol):
        return "lanczos"
    if n_samples <= single:
        return "dense"
    return "dense32" if fits_in_memory(n_samples) else "lanczos"


def dense_max_samples(kind, tol):
    """Samples at which Lanczos takes as long as LAPACK."""
    most = DENSE_MAX_SAMPLES[kind] * DEFAULT_TOL / tol
    return min(max(most, DENSE_LEAST), DENSE_MOST)


def warn_if_long(seconds, n_samples, solver):
    """Warn before a job on all pairs that takes more than some two minutes."""
    if seconds > LONG:
        warnings.warn(
            f"All pairs of {n_samples} samples with eigen_solver={solver!r} take about "
            f"{seconds / 60:.0f} minutes on two cores. affinity='nearest_neighbors', "
            + (
                "eigen_solver='lanczos', "
                if solver in DENSE_SECONDS
                else "a larger tol, "
            )
            + "or max_samples is faster.",
            EfficiencyWarning,
            stacklevel=2,
        )


def warn_if_many_are_long(seconds, sizes, solver):
    """Warn before jobs on sets of these sizes that together take that long."""
    if seconds > LONG:
        warnings.warn(
            f"{len(sizes)} groups and random subsets of up to {max(sizes)} samples "
            f"with eigen_solver={solver!r} take about {seconds / 60:.0f} minutes on "
            "two cores. "
            + (
                "eigen_solver='lanczos', "
                if solver in DENSE_SECONDS
                else "A larger tol, "
            )
            + "fewer n_repeats or max_samples is faster.",
            EfficiencyWarning,
            stacklevel=user_stacklevel(),
        )


def all_pairs_seconds(
    n_samples, n_features, solver, keeps_tiles, kind="semidefinite", tol=DEFAULT_TOL
):
    """Estimate the time of a Gaussian affinity of all pairs and its spectrum."""
    affinity = n_samples**2 * (n_features + 64) / TILE_OPERATIONS
    if solver in DENSE_SECONDS:
        return affinity + DENSE_SECONDS[solver] * n_samples**3
    products = N_PRODUCTS * 64 * n_samples**2 / TILE_OPERATIONS
    if kind == "indefinite":
        # Many probes; their number is known by the samples at which it takes as long.
        longest = dense_max_samples(kind, tol)
        products = DENSE_SECONDS["dense32"] * longest * n_samples**2
    return affinity * (1 if keeps_tiles else N_PRODUCTS) + products


def solve(operator, solver, **options):
    """Spectrum of the operator by the named solver, each with options of its own."""
    return SOLVERS[solver](operator, **options)


def _spectrum(operator, eigenvalues, ceiling=0.0, eigenvalue_error=0.0):
    """Spectrum of the operator with these eigenvalues known."""
    order = np.argsort(-np.abs(eigenvalues), kind="stable")
    return Spectrum(
        eigenvalues[order],
        operator.n_samples,
        operator.trace,
        operator.squared_norm,
        operator.positive_semidefinite,
        float(ceiling),
        eigenvalue_error,
    )
