"""The median distance of pairs, as the rule "median" finds it."""

from skdse._spectra.bandwidth import fit_bandwidth


def median_distance(X, metric="euclidean", seed=0):
    """Median distance between pairs of rows of X; of the positive ones if it is 0."""
    rule = {"median_share": 1.0, "metric": metric, "random_state": seed}
    return fit_bandwidth(X, "median", **rule).sigma
