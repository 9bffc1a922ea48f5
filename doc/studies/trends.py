"""Signed tests of a trend: of one series, of several together, and of their signs."""

import numpy as np
from scipy.stats import binomtest, norm


def kendall_score(values):
    """Mann and Kendall's S: pairs that rise less pairs that fall, and its variance.

    The variance is that of exchangeable values, with ties (Kendall 1975).
    """
    values = np.asarray(values, dtype=float)
    n = len(values)
    S = np.sign(values[None, :] - values[:, None])[np.triu_indices(n, k=1)].sum()
    _, ties = np.unique(values, return_counts=True)
    variance = n * (n - 1) * (2 * n + 5) - (ties * (ties - 1) * (2 * ties + 5)).sum()
    return S, variance / 18


def mann_kendall(series):
    """Tau and two-sided p-value of a trend that several series share.

    The scores of the series are added, none compared with another (Helsel and Frans
    2006). Values of one series must be exchangeable where there is no trend; those of
    a training are not quite, so that the sign test over runs is the one to trust.
    """
    scores = np.array([kendall_score(values) for values in series])
    S, variance = scores.sum(axis=0)
    n_pairs = sum(len(values) * (len(values) - 1) / 2 for values in series)
    if variance == 0:
        return 0.0, 1.0
    z = (S - np.sign(S)) / np.sqrt(variance)  # with the correction for continuity
    return S / n_pairs, 2 * norm.sf(abs(z))


def sign_test(signs):
    """Share of positive signs and two-sided p-value, zeros left out."""
    signs = np.sign(np.asarray(signs, dtype=float))
    n_up, n = int((signs > 0).sum()), int((signs != 0).sum())
    if n == 0:
        return 0.5, 1.0
    return n_up / n, binomtest(n_up, n).pvalue


def direction(series, level=0.05):
    """ "rises" or "falls" where two tests agree on it, else "mixed".

    Mann and Kendall's of all series, and the sign test of their changes from first to
    last: a series that jumps and then stays has a weak trend but a clear change, one
    that drifts back has a trend without one.
    """
    tau, p = mann_kendall(series)
    share, p_change = sign_test([values[-1] - values[0] for values in series])
    if max(p, p_change) > level or (tau > 0) != (share > 0.5):
        return "mixed"
    return "rises" if tau > 0 else "falls"
