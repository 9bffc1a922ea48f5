"""Displays of a fitted entropy: its spectrum, and its curve over diffusion times."""

import numpy as np
from sklearn.utils import check_array

from .._measures.entropy import DiffusionSpectralEntropy
from .._measures.spectra import eigenvalues_of, entropy_curve, smallest_in_view
from .._spectra.spectrum import AUTO_TIMES
from ._axes import (
    BAND,
    COLORS,
    LEGEND,
    check_fitted,
    finish,
    make_axes,
    neutral,
    style,
    with_unit,
)

# Ratio of the times from which on their axis is logarithmic: entropy falls early.
LOGARITHMIC = 20


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
    >>> print(display.ax_.get_xlabel())
    rank
    """

    def __init__(
        self,
        *,
        eigenvalues,
        n_samples,
        rest_ranks=None,
        rest_lower=None,
        rest_upper=None,
        rest_estimate=None,
    ):
        self.eigenvalues = eigenvalues
        self.n_samples = n_samples
        self.rest_ranks = rest_ranks
        self.rest_lower = rest_lower
        self.rest_upper = rest_upper
        self.rest_estimate = rest_estimate

    @classmethod
    def from_estimator(cls, estimator, *, ax=None, **kwargs):
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

    def plot(self, ax=None, **kwargs):
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

    def __init__(
        self,
        *,
        times,
        entropy,
        lower=None,
        upper=None,
        certified=True,
        knee=None,
        unit="bits",
    ):
        self.times = times
        self.entropy = entropy
        self.lower = lower
        self.upper = upper
        self.certified = certified
        self.knee = knee
        self.unit = unit

    @classmethod
    def from_estimator(cls, estimator, *, times=None, ax=None, **kwargs):
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
        times = AUTO_TIMES if times is None else times
        times = check_array(times, ensure_2d=False, input_name="times")
        if times.ndim != 1 or times.min() <= 0:
            raise ValueError(
                f"times must be a 1d array of positive times; got {times}."
            )
        curve = entropy_curve(estimator.spectrum_, times, estimator.normalize)
        return cls(**vars(curve)).plot(ax, **kwargs)

    def plot(self, ax=None, **kwargs):
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
        options = {"color": COLORS[0], "label": "DSE"} | kwargs
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
