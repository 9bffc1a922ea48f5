"""Display of a fitted entropy: its curve over diffusion times."""

from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike
from sklearn.utils import check_array

from .._measures.entropy import DiffusionSpectralEntropy
from .._measures.spectra import entropy_curve
from .._measures.tables import joined, to_pandas
from .._spectra.spectrum import AUTO_TIMES
from .._tools.hints import Axes, DataFrame
from ._axes import (
    BAND,
    COLORS,
    LEGEND,
    check_fitted,
    finish,
    make_axes,
    neutral,
    with_unit,
)

# Ratio of the times from which on their axis is logarithmic: entropy falls early.
LOGARITHMIC = 20


class EntropyCurveDisplay:
    """Diffusion spectral entropy (DSE) against diffusion time, and the knee.

    The longer the diffusion time, the fewer states are told apart. It is recommended to
    use :meth:`from_estimator`. All parameters are stored as attributes.

    Parameters
    ----------
    times : array-like of shape (n_times,)
        Diffusion times.
    entropy : array-like of shape (n_times,)
        Entropy at each time.
    lower, upper : array-like of shape (n_times,), default=None
        Interval of the entropy: certified, or two standard errors to either side.
    certified : bool, default=True
        Whether the interval is certified.
    knee : tuple of float, default=None
        Time of the knee, as ``t="auto"`` finds it, and the entropy there.
    unit : str, default="bits"
        Unit of the entropy.

    Attributes
    ----------
    ax_ : matplotlib Axes
        Axes with the curve.
    figure_ : matplotlib Figure
        Figure of the axes.
    line_ : matplotlib Line2D
        The curve.
    band_ : matplotlib artist or None
        The interval; None if it has no width.
    knee_ : matplotlib Line2D or None
        The knee.

    See Also
    --------
    SpectrumDisplay : The spectrum whose entropy this is.

    Examples
    --------
    Draw the curve of the digits, and its knee:

    >>> from sklearn.datasets import load_digits
    >>> from skdse import DiffusionSpectralEntropy
    >>> from skdse.plotting import EntropyCurveDisplay
    >>> X, _ = load_digits(return_X_y=True)
    >>> dse = DiffusionSpectralEntropy(t="auto").fit(X[:500])
    >>> display = EntropyCurveDisplay.from_estimator(dse)
    >>> print(display.ax_.get_ylabel(), display.knee[0] == dse.t_)
    DSE [bits] True
    """

    line_: Any

    def __init__(
        self,
        *,
        times: ArrayLike,
        entropy: ArrayLike,
        lower: ArrayLike | None = None,
        upper: ArrayLike | None = None,
        certified: bool = True,
        knee: tuple[float, float] | None = None,
        unit: str = "bits",
    ) -> None:
        self.times: Any = times
        self.entropy: Any = entropy
        self.lower: Any = lower
        self.upper: Any = upper
        self.certified = certified
        self.knee = knee
        self.unit = unit

    @classmethod
    def from_estimator(
        cls,
        estimator: DiffusionSpectralEntropy,
        *,
        times: ArrayLike | None = None,
        ax: Axes | None = None,
        **kwargs: Any,
    ) -> Self:
        """Draw the entropy curve of a fitted estimator.

        Parameters
        ----------
        estimator : DiffusionSpectralEntropy
            Fitted estimator, with any `t`.
        times : array-like of shape (n_times,), default=None
            Positive diffusion times; None is 1, 2, ..., 100, the times at which
            ``t="auto"`` looks for the knee.
        ax : matplotlib Axes, default=None
            Axes to draw on; None makes a figure.
        **kwargs : dict
            Passed to the ``plot`` of matplotlib for the curve.

        Returns
        -------
        display : EntropyCurveDisplay
            The display, drawn.

        Raises
        ------
        TypeError
            If the estimator is of another kind.
        ValueError
            If a time is not positive and finite.
        sklearn.exceptions.NotFittedError
            If the estimator is not fitted.
        """
        check_fitted(estimator, DiffusionSpectralEntropy)
        wanted = AUTO_TIMES if times is None else times
        found = check_array(wanted, ensure_2d=False, input_name="times")
        if found.ndim != 1 or found.min() <= 0:
            raise ValueError(
                f"times must be a 1d array of positive times; got {found}."
            )
        curve = entropy_curve(estimator.spectrum_, found, estimator.normalize)
        return cls(**vars(curve)).plot(ax, **kwargs)

    def plot(self, ax: Axes | None = None, **kwargs: Any) -> Self:
        """Draw the entropy curve.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            Axes to draw on; None makes a figure.
        **kwargs : dict
            Passed to the ``plot`` of matplotlib for the curve.

        Returns
        -------
        display : EntropyCurveDisplay
            The display itself.

        Raises
        ------
        ImportError
            If matplotlib is not installed.
        """
        (ax,) = make_axes(self, ax)
        options: dict[str, Any] = {"color": COLORS[0], "label": "DSE"} | kwargs
        (self.line_,) = ax.plot(self.times, self.entropy, **options)
        self.band_ = self.knee_ = None
        if self.lower is not None and np.any(np.subtract(self.upper, self.lower) > 0):
            self.band_ = ax.fill_between(
                self.times,
                self.lower,
                self.upper,
                color=self.line_.get_color(),
                label="certified interval" if self.certified else "± 2 standard errors",
                **BAND,
            )
        if self.knee is not None:
            (self.knee_,) = ax.plot(
                *([value] for value in self.knee),
                color=neutral(ax),
                linestyle="none",
                marker="o",
                fillstyle="none",
                markersize=9,
                clip_on=False,
                label=f"knee, t = {self.knee[0]:g}",
            )
        ax.set(xlabel="diffusion time t", ylabel=with_unit("DSE", self.unit))
        if np.max(self.times) > LOGARITHMIC * np.min(self.times):
            ax.set_xscale("log")
            ax.xaxis.set_major_formatter("{x:g}")
        ax.set_ylim(bottom=0)
        ax.legend(**LEGEND)
        finish(ax)
        self.ax_, self.figure_ = ax, ax.figure
        return self

    def frame(self) -> DataFrame:
        """Return the points of the drawing as a table of pandas.

        Returns
        -------
        frame : pandas.DataFrame
            A row for each point. ``time`` of the diffusion; ``entropy`` and its
            interval, ``lower`` and ``upper``, NaN where it is not known; ``unit``.
            ``kind`` is "curve" or "knee".

        Raises
        ------
        ImportError
            If pandas is not installed; it comes with ``skdse[report]``.
        """
        unknown = np.full(np.shape(self.times), np.nan)
        lower, upper = (
            unknown if one is None else one for one in (self.lower, self.upper)
        )
        parts = [(self.times, self.entropy, lower, upper, self.unit, "curve")]
        if self.knee is not None:
            parts.append((*self.knee, np.nan, np.nan, self.unit, "knee"))
        names = ("time", "entropy", "lower", "upper", "unit", "kind")
        rows = [dict(zip(names, part, strict=True)) for part in parts]
        return to_pandas(self, joined(rows))
