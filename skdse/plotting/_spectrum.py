"""Display of a fitted entropy: its spectrum."""

from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike

from .._measures.entropy import DiffusionSpectralEntropy
from .._measures.spectra import eigenvalues_of, smallest_in_view
from .._measures.tables import joined, to_pandas
from .._tools.hints import Axes, DataFrame
from ._axes import BAND, COLORS, LEGEND, check_fitted, finish, make_axes, style


class SpectrumDisplay:
    """Eigenvalues of the diffusion operator by rank, and how well they are known.

    The flatter the spectrum, the higher the entropy (DSE). It is recommended to use
    :meth:`from_estimator`. All parameters are stored as attributes.

    Parameters
    ----------
    eigenvalues : array-like of shape (n_known,)
        Moduli of the eigenvalues that the solver found, largest first.
    n_samples : int
        Number of all eigenvalues.
    rest_ranks : array-like of shape (n_rest,), default=None
        Ranks of the other eigenvalues, if bounds or estimates of them are known.
    rest_lower, rest_upper : array-like of shape (n_rest,), default=None
        Certified bounds of the other eigenvalues, as with eigen_solver "arpack".
    rest_estimate : array-like of shape (n_rest,), default=None
        Estimated moduli of the other eigenvalues, as with eigen_solver "lanczos".

    Attributes
    ----------
    ax_ : matplotlib Axes
        Axes with the spectrum.
    figure_ : matplotlib Figure
        Figure of the axes.
    line_ : matplotlib Line2D
        Eigenvalues that the solver found.
    band_ : matplotlib artist or None
        Certified bounds of the other eigenvalues.
    rest_line_ : matplotlib Line2D or None
        Estimates of the other eigenvalues.

    See Also
    --------
    EntropyCurveDisplay : The entropy of the spectrum at several diffusion times.

    Examples
    --------
    Draw the spectrum of the digits; all eigenvalues of a small problem are known:

    >>> from sklearn.datasets import load_digits
    >>> from skdse import DiffusionSpectralEntropy
    >>> from skdse.plotting import SpectrumDisplay
    >>> X, _ = load_digits(return_X_y=True)
    >>> dse = DiffusionSpectralEntropy().fit(X[:500])
    >>> display = SpectrumDisplay.from_estimator(dse)
    >>> display.frame().columns.tolist()
    ['rank', 'eigenvalue', 'lower', 'upper', 'kind']
    """

    line_: Any

    def __init__(
        self,
        *,
        eigenvalues: ArrayLike,
        n_samples: int,
        rest_ranks: ArrayLike | None = None,
        rest_lower: ArrayLike | None = None,
        rest_upper: ArrayLike | None = None,
        rest_estimate: ArrayLike | None = None,
    ) -> None:
        self.eigenvalues = eigenvalues
        self.n_samples = n_samples
        self.rest_ranks = rest_ranks
        self.rest_lower = rest_lower
        self.rest_upper = rest_upper
        self.rest_estimate = rest_estimate

    @classmethod
    def from_estimator(
        cls,
        estimator: DiffusionSpectralEntropy,
        *,
        ax: Axes | None = None,
        **kwargs: Any,
    ) -> Self:
        """Draw the spectrum of a fitted estimator.

        Parameters
        ----------
        estimator : DiffusionSpectralEntropy
            Fitted estimator.
        ax : matplotlib Axes, default=None
            Axes to draw on; None makes a figure.
        **kwargs : dict
            Passed to the ``plot`` of matplotlib for the eigenvalues found.

        Returns
        -------
        display : SpectrumDisplay
            The display, drawn.

        Raises
        ------
        TypeError
            If the estimator is of another kind.
        sklearn.exceptions.NotFittedError
            If the estimator is not fitted.
        """
        check_fitted(estimator, DiffusionSpectralEntropy)
        found = eigenvalues_of(estimator.spectrum_)
        return cls(**vars(found)).plot(ax, **kwargs)

    def plot(self, ax: Axes | None = None, **kwargs: Any) -> Self:
        """Draw the spectrum, on logarithmic axes.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            Axes to draw on; None makes a figure.
        **kwargs : dict
            Passed to the ``plot`` of matplotlib for the eigenvalues found.

        Returns
        -------
        display : SpectrumDisplay
            The display itself.

        Raises
        ------
        ImportError
            If matplotlib is not installed.
        """
        (ax,) = make_axes(self, ax)
        found = np.asarray(self.eigenvalues, dtype=float)
        # Ticks and limits need at least a decade.
        ax.set(xscale="log", yscale="log", xlim=(0.9, max(self.n_samples, 10) * 1.1))
        ax.set(xlabel="rank", ylabel="|eigenvalue| of the diffusion operator")
        complete = len(found) == self.n_samples
        label = f"{'all ' if complete else ''}{len(found)} eigenvalues, solved for"
        ranks = np.arange(1, len(found) + 1)
        options = style(0) | {"markersize": 3, "label": label} | kwargs
        (self.line_,) = ax.plot(ranks, found, **options)
        self._draw_rest(ax)
        ax.set_ylim(bottom=smallest_in_view(self) / 2, top=2)
        ax.legend(loc="lower left", **LEGEND)
        finish(ax, grid="both")
        self.ax_, self.figure_ = ax, ax.figure
        return self

    def frame(self) -> DataFrame:
        """Return the points of the drawing as a table of pandas.

        Returns
        -------
        frame : pandas.DataFrame
            A row for each point. ``rank`` and ``eigenvalue``, its modulus; ``lower``
            and ``upper``, certified bounds; NaN where the point has none of them.
            ``kind`` is "solved", "bounded" or "estimated".

        Raises
        ------
        ImportError
            If pandas is not installed; it comes with ``skdse[report]``.
        """
        found = np.asarray(self.eigenvalues, dtype=float)
        ranks = np.arange(1, len(found) + 1)
        parts = [_points("solved", ranks, found)]
        if self.rest_upper is not None:
            bounds = self.rest_lower, self.rest_upper
            parts.append(_points("bounded", self.rest_ranks, np.nan, *bounds))
        if self.rest_estimate is not None:
            parts.append(_points("estimated", self.rest_ranks, self.rest_estimate))
        return to_pandas(self, joined(parts))

    def _draw_rest(self, ax):
        """Draw what is known of the eigenvalues that were not solved for."""
        self.band_ = self.rest_line_ = None
        if self.rest_upper is not None:
            self.band_ = ax.fill_between(
                self.rest_ranks,
                # A logarithmic axis has no 0.
                np.maximum(self.rest_lower, np.finfo(float).tiny),
                self.rest_upper,
                color=COLORS[1],
                label=f"the other {len(self.rest_ranks)}: certified bounds",
                **BAND,
            )
        if self.rest_estimate is not None:
            n_rest = self.n_samples - len(self.eigenvalues)
            (self.rest_line_,) = ax.plot(
                self.rest_ranks,
                self.rest_estimate,
                color=COLORS[1],
                linestyle="--",
                label=f"the other {n_rest}: estimated density",
            )


def _points(kind, rank, eigenvalue, lower=np.nan, upper=np.nan):
    """Points of one kind as columns of a table."""
    return {
        "rank": rank,
        "eigenvalue": eigenvalue,
        "lower": lower,
        "upper": upper,
        "kind": kind,
    }
