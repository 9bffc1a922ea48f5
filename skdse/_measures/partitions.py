"""All partitions of a few samples into groups of given sizes.

Groups of the same size are not told apart: of n samples there are

    M = n! / (Π_y n_y! Π_s m_s!)

partitions into groups of sizes n_y, where m_s of the groups have the size s.
"""

from itertools import combinations
from math import exp, inf, lgamma

import numpy as np

# Beyond so many, their number is not told.
MOST = 1_000_000


def count_partitions(sizes):
    """Number of partitions into groups of these sizes; infinity if beyond a million."""
    same = np.unique(sizes, return_counts=True)[1]
    logarithm = lgamma(np.sum(sizes) + 1)
    logarithm -= sum(lgamma(count + 1) for count in (*sizes, *same))
    return inf if logarithm > np.log(MOST) else round(exp(logarithm))


def all_partitions(sizes):
    """Yield the group of each sample, for each partition into groups of these sizes."""
    labels = np.empty(int(np.sum(sizes)), dtype=np.intp)
    yield from _completed(labels, np.arange(len(labels)), list(enumerate(sizes)))


def is_same_partition(labels, others):
    """Whether two labellings have the same groups, whatever their names."""
    pairs = len(set(zip(labels.tolist(), others.tolist(), strict=True)))
    return pairs == len(set(labels.tolist())) == len(set(others.tolist()))


def _completed(labels, left, groups):
    """Yield labels with all ways to put the samples that are left into groups.

    The first sample that is left is in one of the groups. Of groups of one size it is
    in the first, so that no partition comes twice.
    """
    if not groups:
        yield labels.copy()
        return
    for size in sorted({size for _, size in groups}):
        group = next(one for one in groups if one[1] == size)
        rest = [one for one in groups if one is not group]
        for others in combinations(range(1, len(left)), size - 1):
            chosen = np.array((0, *others))
            labels[left[chosen]] = group[0]
            yield from _completed(labels, np.delete(left, chosen), rest)
