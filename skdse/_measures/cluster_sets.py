"""Entropies of sets of samples that lie in blocks on a cluster.

A set is measured by one worker, which gathers its rows, as a task of its own. Products
of a set too large for that are those of all workers, one set after the other. Sets of a
graph are measured in this process, which has its edges.
"""

from dataclasses import replace

import numpy as np

from .._spectra.blocked.affinity import ALONE
from .._spectra.blocked.samples import in_given_order
from .meters import entropies_of_bundle


def entropies_on_cluster(meter, X, scale, seed, bundles):
    """EntropyEstimate of each set in bundles of families of sets, of all pairs."""
    rows = [_rows_of(bundle) for bundle in bundles]
    small = [i for i, one in enumerate(rows) if len(one) <= ALONE]
    futures = _submitted(
        meter, X, scale, seed, [rows[i] for i in small], [bundles[i] for i in small]
    )
    # Products on all workers would wait for the tasks of single ones.
    found = dict(zip(small, X.cluster.results(futures), strict=True))
    return [
        found[i] if i in found else _large(meter, X, scale, seed, bundles[i])
        for i in range(len(bundles))
    ]


def samples_of_graph(scale):
    """Samples as alike as those of a graph, of which the edges alone are looked at."""
    return scale.bandwidth.index.point_of[:, None].astype(np.float64)


def entropies_of_pieces(meter, pieces, rows, scale, bundle, seed):
    """EntropyEstimate of a bundle of sets, of rows that come in pieces, in a task."""
    X = in_given_order(pieces, rows)
    return entropies_of_bundle(meter, X, scale, bundle, seed)


def _submitted(meter, X, scale, seed, rows, bundles):
    """Futures of the estimates of each bundle, measured by a worker on these rows."""
    n, send = len(bundles), X.cluster.send
    if n == 0:
        return []
    return X.cluster.map(
        entropies_of_pieces,
        [meter] * n,
        [X.pieces(one) for one in rows],
        send(rows),
        send([_alone(scale.take(one)) for one in rows]),
        send([_renumbered(bundle) for bundle in bundles]),
        [seed] * n,
    )


def _large(meter, X, scale, seed, bundle):
    """EntropyEstimate of each set of a family, by products on all workers."""
    sets = (np.sort(rows) for family in bundle for rows in family)
    return [meter.measure(meter.take(X, rows), scale.take(rows), seed) for rows in sets]


def _rows_of(bundle):
    """Rows that a bundle of families looks at: the sets of a family nest."""
    return np.concatenate([max(family, key=len) for family in bundle])


def _renumbered(bundle):
    """Families of sets of the rows of a bundle, by their places among these."""
    starts = np.cumsum([0] + [len(max(family, key=len)) for family in bundle])
    return [
        [start + np.arange(len(rows)) for rows in family]
        for start, family in zip(starts, bundle, strict=False)
    ]


def _alone(scale):
    """Scale without the samples that it was fitted to, and what is known of them all.

    Then a set is centred as it is where all samples are one array.
    """
    bandwidth = scale.bandwidth
    frame = bandwidth.frame
    if frame.typical is not None:
        frame = frame.knowing(None, None)
    return replace(scale, bandwidth=replace(bandwidth, fitted=None, frame=frame))
