"""Watch for the collapse of a layer: few dimensions are left, or features are constant.

Two numbers tell. Let C be the centred activations Z of a layer, s its singular values.

- rank: exp of the entropy of the shares s² / Σ s², the effective rank [1]_. It does not
  depend on the scale of Z. It is 1 if all samples lie on a line.
- spread: |C| / |Z|, Frobenius norms. It is 0 if all features are constant.

The rank alone would miss samples that shrink to a point, whose remainder has any rank;
the spread would miss samples that shrink to a line.

.. [1] O. Roy and M. Vetterli, "The effective rank: a measure of effective
   dimensionality", EUSIPCO 2007.
"""

import warnings
from typing import NamedTuple

import numpy as np

from .._tools.arrays import take, to_host
from .._tools.intake import taken_in
from .._tools.validation import (
    check_callable,
    check_option,
    check_share,
    user_stacklevel,
)

# The columns of records, and what messages call them.
SIGNS = {"feature_rank": "effective rank", "feature_spread": "spread"}
# Enough to see ranks fall; the eigenvalues then take some 20 ms.
MAX_ROWS = 512


class Collapse(NamedTuple):
    """A layer that has collapsed, and by which sign.

    Parameters
    ----------
    layer : str
        Name of the layer.
    epoch : int
        Epoch at which it was found.
    sign : {"feature_rank", "feature_spread"}
        Column of the records that has fallen.
    value : float
        Its value now.
    start : float
        Its value at the first epoch in the records.

    Examples
    --------
    As text it is a sentence:

    >>> from skdse.probing import Collapse
    >>> print(Collapse("0", 3, "feature_spread", 0.01, 0.5))
    layer '0' has collapsed at epoch 3: the spread of its features is 0.01; at the
    start it was 0.5.
    """

    layer: str
    epoch: int
    sign: str
    value: float
    start: float

    def __str__(self):
        """Return a sentence for people."""
        return (
            f"layer {self.layer!r} has collapsed at epoch {self.epoch}: the "
            f"{SIGNS[self.sign]} of its features is {self.value:.3g}; at the start "
            f"it was {self.start:.3g}."
        )


class CollapseWarning(UserWarning):
    """A layer of a network has collapsed, see :class:`Collapse`.

    Parameters
    ----------
    message : str
        What is said.

    Examples
    --------
    End a program where it would warn:

    >>> import warnings
    >>> from skdse.probing import CollapseWarning
    >>> with warnings.catch_warnings():
    ...     warnings.simplefilter("error", CollapseWarning)
    """

    def __init__(self, message: str) -> None:
        super().__init__(message)


class CollapseError(RuntimeError):
    """Layers of a network have collapsed.

    Parameters
    ----------
    collapses : list of Collapse
        The layers.

    Attributes
    ----------
    collapses : list of Collapse
        The layers.

    Examples
    --------
    The error knows the layers:

    >>> from skdse.probing import Collapse
    >>> from skdse.probing import CollapseError
    >>> error = CollapseError([Collapse("0", 3, "feature_spread", 0.01, 0.5)])
    >>> error.collapses[0].layer
    '0'
    """

    def __init__(self, collapses: list[Collapse]) -> None:
        super().__init__(collapses)
        self.collapses = collapses

    def __str__(self):
        """Return a sentence for each layer."""
        return " ".join(map(str, self.collapses))


def check_collapse_parameters(on_collapse, collapse_share):
    """Raise if the parameters of the watch are invalid."""
    if isinstance(on_collapse, str):
        check_option(on_collapse, "on_collapse", ("warn", "raise"))
    elif on_collapse is not None:
        check_callable(on_collapse, "on_collapse")
    check_share(collapse_share, "collapse_share")
    if collapse_share in (0, 1):
        raise ValueError(
            "collapse_share must be between 0 and 1, without them; got "
            f"{collapse_share!r}. Use on_collapse=None not to look for collapse."
        )


def signs_of_collapse(Z):
    """Rank and spread of the activations of a layer; NaN if they are not finite."""
    Z = taken_in(Z)
    # The same rows at each epoch; drawn, as samples may come in a periodic order.
    rows = np.random.RandomState(0).permutation(Z.shape[0])[:MAX_ROWS]
    Z = to_host(take(Z, rows)).astype(np.float64)
    size = np.abs(Z).max()
    if not np.isfinite(size):
        return dict.fromkeys(SIGNS, np.nan)
    Z /= size or 1  # squares would overflow, or vanish
    C = Z - Z.mean(axis=0)
    # Rounding: the mean of equal rows may differ from them in the last digit.
    C[:, np.ptp(Z, axis=0) == 0] = 0
    spread = np.linalg.norm(C) / (np.linalg.norm(Z) or 1)
    return dict(zip(SIGNS, (_effective_rank(C), float(spread)), strict=True))


def _effective_rank(C):
    """Exp of the entropy of the squared singular values; 0 if they are all 0."""
    gram = C @ C.T if len(C) <= C.shape[1] else C.T @ C
    variances = np.maximum(np.linalg.eigvalsh(gram), 0)
    if variances.sum() == 0:
        return 0.0
    shares = variances[variances > 0] / variances.sum()
    return float(np.exp(-np.sum(shares * np.log(shares))))


def new_collapses(records, epoch, share):
    """Layers that have collapsed at an epoch, and at none before."""
    histories = {}
    for record in records:
        if record["epoch"] <= epoch:
            histories.setdefault(record["layer"], []).append(record)
    found = [_first_collapse(history, share) for history in histories.values()]
    return [one for one in found if one is not None and one.epoch == epoch]


def _first_collapse(history, share):
    """First collapse in the records of a layer, None if there is none."""
    # Records of epochs that were measured without the watch have no signs.
    history = [one for one in history if np.isfinite(one.get("feature_rank", np.nan))]
    for record in history:
        for sign in SIGNS:
            value, start = record[sign], history[0][sign]
            if value < share * start or value == 0:
                layer, epoch = record["layer"], record["epoch"]
                return Collapse(layer, epoch, sign, value, start)
    return None


def report_collapses(collapses, on_collapse):
    """Warn of collapses, raise, or call what the user has given."""
    if not collapses:
        return
    if callable(on_collapse):
        on_collapse(collapses)
    elif on_collapse == "raise":
        raise CollapseError(collapses)
    else:
        for one in collapses:
            warnings.warn(str(one), CollapseWarning, stacklevel=user_stacklevel())
