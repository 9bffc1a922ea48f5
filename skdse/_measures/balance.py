"""How exactly the terms of mutual information are solved: as far as it shows.

DSMI errs by its random subsets, and by the solver of its terms. Let e be the standard
error from the subsets. A solver that errs by e/3 raises the error of the whole by 5 %,
and a better one takes time for nothing. So the solver is asked for

    max(tol, e / 3),

where e is estimated beforehand. The entropy of a random subset of m of the n samples
varies like a mean of what each sample contributes, by c √((1 - m/n) / m); measured, c
is the same within a factor of 1.6 from 200 samples on. So a few small subsets tell c.
"""

from dataclasses import replace

import numpy as np

# Error of the solver, as a share of the error from the random subsets.
SOLVER_SHARE = 1 / 3
# Samples of a small subset at most, and their number: the estimate of e errs by 21 %.
PILOT_SIZE, N_PILOTS = 200, 12


def balanced_tol(samples, sizes, weights, n_repeats):
    """Standard error [bits] to ask of the solver, for subsets of these sizes.

    The weights are those of the sizes in the expected entropy of random subsets.
    """
    meter, n_samples = samples.meter, samples.X.shape[0]
    m = min(PILOT_SIZE, n_samples // 2)
    is_exact = all(meter.is_exact(size) for size in sizes)
    if is_exact or m < 2:
        return meter.tol
    values = _pilot_entropies(samples, m)
    spread = np.std(values, ddof=1) * (reach(sizes, n_samples) / reach(m, n_samples))
    # The subsets of a repeat nest: they err alike.
    error = np.abs(weights) @ spread / np.sqrt(n_repeats)
    return max(meter.tol, float(SOLVER_SHARE * error))


def reach(m, n_samples):
    """√((1 - m/n) / m): how the mean of m of n values varies, but for a constant."""
    return np.sqrt(1 / np.asarray(m) - 1 / n_samples)


def solved_to(meter, tol, *weights):
    """Meter whose terms, weighted and added up, have the standard error tol.

    The errors of the solver are independent, so that each may err by more; but not by
    so much that the errors stated are not honest, unless the user asks for that.
    """
    if tol is None:
        return meter
    share = min(np.linalg.norm(np.concatenate(weights)), 1.0)
    return replace(meter, tol=min(float(tol / share), max(meter.tol, meter.loosest)))


def _pilot_entropies(samples, m):
    """Entropies of some random subsets of m samples, all eigenvalues solved for."""
    # A random state of its own, so that subsets are the same with a pilot and without.
    rng = np.random.default_rng([samples.seed, m])
    sets = [[rng.permutation(samples.X.shape[0])[:m]] for _ in range(N_PILOTS)]
    pilot = replace(samples, meter=samples.meter.exact().quiet(), verbose=0)
    return [one.value for one in pilot.entropies(sets, "pilot")]
