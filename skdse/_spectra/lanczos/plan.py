"""The numbers that the course of Lanczos goes by: one plan for each kind of operator.

The spectrum of a Gaussian of all pairs is narrow with a few large eigenvalues, and its
products are costly: `DENSE`. That of a sparse graph is wide and flat, so that it wants
many steps, and its products are cheap: `SPARSE`.
"""

from dataclasses import dataclass

import numpy as np

# Elements of a basis at most: 1 GiB in float32.
BASIS_ELEMENTS = 2**28
# Elements of the first block at most: fewer columns of many samples, whose basis must
# fit in memory and whose variance is small.
FIRST_ELEMENTS = 4_000_000
# Columns of a block of a recurrence, and its elements at most: it keeps no basis and
# has no large T.
RECURRENCE_BLOCK, RECURRENCE_ELEMENTS = 128, 3_200_000
# Probes of the first block over the fourth root of the samples: 32 for 10,000, 48 for
# 60,000 (measured, images of MNIST).
PROBES_A_ROOT = 3.2
# Columns of a block at least, however many samples there are.
LEAST_COLUMNS = 4
# ... where products are costly: a kernel on a device takes no longer for so many than
# for one. Later blocks have room for so many steps in their basis.
COSTLY_COLUMNS, COSTLY_STEPS = 16, 16
# From this time on the kink of |x|^t at 0 is smooth enough for Gauss rules.
SMOOTH_TIME = 3


@dataclass(frozen=True)
class Plan:
    """How many probes and steps, and how good is good enough.

    Attributes
    ----------
    recurs : bool
        Whether the probes of the density are advanced by a recurrence. Block Lanczos
        then only finds the eigenvectors to leave out.
    block : tuple of int
        Least and most columns of a block of block Lanczos: as many as cost what a
        product costs besides. T grows with them, and the time of its eigenvalues.
    costly_block : tuple of int
        Columns of the first block and of later ones where a product costs far more than
        its columns: fewer steps, and all missing probes at once. (60,000 images of
        MNIST, 0.4 of the tiles remade: 128 columns take two steps less than 64, and
        each a quarter longer.)
    max_probes : int
        Probes at most.
    max_steps : int or None
        Steps of the first probes at most; None leaves the limit to `max_size`.
    max_size : int
        Columns of T at most: beyond, its eigendecomposition costs more than products.
    min_steps : int
        Steps before the first look.
    look_factor : float
        Steps between two looks at the error grow by this factor.
    longest_look_factor : float
        The same, at most, where a look is costly and the last one was far from the end.
    truncation_order : float
        The truncation error of an indefinite spectrum falls no faster than with this
        power of the steps: a look before could not end the run.
    margin : float
        Standard error aimed at, as a share of `tol`: then the error is below `tol` in
        97 of 100 requests.
    sampling_share, truncation_share : float
        Shares of what is aimed at that the errors of sampling and of truncation may
        take; their squares add up.
    recurrence_share : float
        The share of truncation where a recurrence has the steps.
    first_recurrence_look, max_recurrence_steps : int
        Steps of a recurrence at its first look, and at most.
    recurrence_look_factor : float
        As `look_factor`, for the looks of a recurrence.
    usual_columns, usual_recurrence : int
        Columns of T over the fourth root of the samples, and steps of recurrences, that
        are expected where the passes of a run are told before: those of images of
        MNIST, and of clusters.
    """

    recurs: bool
    block: tuple
    max_probes: int
    max_steps: int | None
    margin: float
    costly_block: tuple = (64, 128)
    sampling_share: float = 0.85
    truncation_share: float = 0.45
    recurrence_share: float = 0.55
    max_size: int = 768
    min_steps: int = 4
    look_factor: float = 1.15
    longest_look_factor: float = 1.5
    truncation_order: float = 5.0
    first_recurrence_look: int = 20
    max_recurrence_steps: int = 250
    recurrence_look_factor: float = 1.25
    usual_columns: int = 75
    usual_recurrence: int = 0

    def is_costly(self, operator):
        """Whether a product costs more than its columns: its tiles are made anew."""
        return operator.fixed_columns > self.block[1]

    def first_columns(self, operator):
        """Columns of the first block."""
        # The spectra of many samples are rich, and want more probes.
        probes = int(PROBES_A_ROOT * operator.n_samples**0.25)
        wide = int(np.clip(max(operator.fixed_columns, probes), *self.block))
        least = LEAST_COLUMNS
        if self.is_costly(operator):
            least, wide = COSTLY_COLUMNS, self.costly_block[0]
        most = FIRST_ELEMENTS // operator.n_samples
        return min(int(np.clip(most, least, wide)), operator.n_samples - 1)

    def later_columns(self, operator):
        """Columns of a block of later probes at most."""
        if self.is_costly(operator):
            room = BASIS_ELEMENTS // operator.n_samples // COSTLY_STEPS
            return int(np.clip(room, COSTLY_COLUMNS, self.costly_block[1]))
        if not self.recurs:
            return int(np.clip(operator.fixed_columns, *self.block))
        most = RECURRENCE_ELEMENTS // operator.n_samples
        return int(np.clip(most, LEAST_COLUMNS, RECURRENCE_BLOCK))

    def probes_at_most(self, operator):
        """Probes at most: of a recurrence, as many as one basis has columns."""
        if not self.recurs:
            return self.max_probes
        room = BASIS_ELEMENTS // operator.n_samples
        return int(np.clip(room, LEAST_COLUMNS, self.max_probes))

    def most_columns(self, operator):
        """Columns of the first basis at most, with the block that comes next."""
        room = min(2 * self.max_size, BASIS_ELEMENTS // operator.n_samples)
        block = self.costly_block[1] if self.is_costly(operator) else self.block[1]
        return min(room + block, operator.n_samples)

    def n_passes(self, operator):
        """Passes over the affinity, those made included: a guess, to compare with."""
        columns = self.usual_columns * operator.n_samples**0.25
        steps = int(np.ceil(columns / self.first_columns(operator)))
        return operator.n_passes + steps + self.usual_recurrence

    def steps_to_next_look(self, n_steps, excess=1.0):
        """Steps at the next look, where an error is so many times what it may be."""
        nearest = excess ** (1 / self.truncation_order)
        most = max(self.look_factor, self.longest_look_factor)
        factor = float(np.clip(nearest, self.look_factor, most))
        return max(n_steps + 1, int(factor * n_steps))

    def with_spare(self, n_probes):
        """Probes to add where so many are missing, by a guess: no thin blocks."""
        return max(int(1.2 * n_probes), 2 * LEAST_COLUMNS)

    def columns_of_probes(self, n_probes, n_steps, operator):
        """Columns that so many more probes will cost: a guess, to plan with.

        Block Lanczos projects out what is known, and needs half of the steps of the
        first probes; a recurrence starts anew, and makes about 30.
        """
        blocks = np.ceil(n_probes / self.later_columns(operator))
        columns = n_probes + operator.fixed_columns * blocks
        return (30 if self.recurs else 0.5 * n_steps) * columns


# Few steps reach far, so that an error of truncation is soon small; probes beyond 512
# would not fit beside the basis of the first ones.
DENSE = Plan(
    recurs=False,
    block=(24, 48),
    max_probes=512,
    max_steps=40,
    margin=0.75,
)
# Eight columns find the leading eigenvectors. The error of many steps is told less
# surely, hence the smaller margin; probes are cheap.
SPARSE = Plan(
    recurs=True,
    block=(8, 8),
    max_probes=2048,
    max_steps=None,
    margin=0.55,
    usual_columns=5,
    usual_recurrence=120,
)


def plan_for(operator):
    """Plan that suits the operator."""
    return SPARSE if operator.is_sparse else DENSE
