"""Display of training: measures against epoch or accuracy, over several runs."""

from collections.abc import Mapping, Sequence
from typing import Any, Self

import numpy as np

from .._measures.catalogue import describe, units_of
from .._measures.tables import (
    check_column,
    choose_measures,
    columns_of,
    distinct,
    joined,
    make_curve,
    to_pandas,
)
from .._tools.hints import DataFrame, Frame, Place
from ._axes import BAND, LEGEND, finish, make_axes, style, with_unit

# More curves than this leave no room for a legend among them.
MANY = 3


class TrainingDynamicsDisplay:
    """Measures of representations during training, mean and spread over runs.

    Each measure, such as DSE or DSMI, has a panel; each layer, or other value of a
    column, has a curve. It is recommended to use :meth:`from_frame`. All parameters are
    stored as attributes.

    Parameters
    ----------
    curves : dict of str to Curve
        Curves by their names, as ``from_frame`` makes them. Each has the attributes
        ``x`` and ``x_spread`` of shape (n_steps,), ``means`` and ``spreads``, dicts of
        the measures to arrays of shape (n_steps,), and ``n_runs``. A spread is the
        standard deviation over runs, or for a single run the standard error of the
        measure; NaN if neither is known.
    x_name : str, default="epoch"
        Title of the horizontal axis.
    by : str, default=None
        Column whose values are the names of the curves, such as "layer".
    unit : str or dict of str to str, default="bits"
        Unit of DSE and DSMI, or of each measure by its name.

    Attributes
    ----------
    ax_ : matplotlib Axes
        The first panel.
    axes_ : ndarray of matplotlib Axes of shape (n_panels,)
        All panels.
    figure_ : matplotlib Figure
        Figure of the axes.
    lines_ : dict of str to dict of str to matplotlib Line2D
        Mean curves of each measure.
    bands_ : dict of str to dict of str to matplotlib artist
        Spread of each measure: bands if `x` is the same in all runs, otherwise bars.

    See Also
    --------
    LayerProfileDisplay : The layers at one epoch.

    Examples
    --------
    Draw two runs of three epochs:

    >>> from skdse.plotting import TrainingDynamicsDisplay
    >>> frame = {
    ...     "run": [0, 0, 0, 1, 1, 1],
    ...     "epoch": [0, 1, 2, 0, 1, 2],
    ...     "accuracy": [0.1, 0.6, 0.8, 0.1, 0.7, 0.9],
    ...     "dsmi": [0.2, 0.9, 1.2, 0.2, 1.0, 1.4],
    ... }
    >>> display = TrainingDynamicsDisplay.from_frame(frame)
    >>> print(display.ax_.get_ylabel())
    DSMI(Z;Y) [bits]
    >>> [round(float(mean), 2) for mean in display.curves["all"].means["dsmi"]]
    [0.2, 0.95, 1.3]
    """

    def __init__(
        self,
        *,
        curves: Mapping[str, Any],
        x_name: str = "epoch",
        by: str | None = None,
        unit: str | Mapping[str, str] = "bits",
    ) -> None:
        self.curves = curves
        self.x_name = x_name
        self.by = by
        self.unit = unit

    @classmethod
    def from_frame(
        cls,
        frame: Frame,
        *,
        x: str = "epoch",
        measures: str | Sequence[str] | None = None,
        by: str | None = None,
        step: str = "epoch",
        unit: str | Mapping[str, str] = "bits",
        ax: Place = None,
        **kwargs: Any,
    ) -> Self:
        """Draw a frame with one row for each run, epoch and layer.

        Rows of the same curve and epoch are different runs, and are averaged. The frame
        can be that of ``RepresentationTracker.to_frame``.

        Parameters
        ----------
        frame : DataFrame, mapping of columns or list of dict
            The measurements: columns "dse", "dsmi", "dsmi_input" and other measures;
            if known, their standard errors, such as "dse_std_error"; and the columns
            that `x`, `by` and `step` name.
        x : str, default="epoch"
            Column on the horizontal axis: "epoch", "accuracy" or another one.
        measures : str or list of str, default=None
            Columns to draw, each in a panel; None draws DSE, DSMI and all others with a
            standard error.
        by : str, default=None
            Column with the names of the curves: rows with the same value make a curve.
            None is "layer" if the frame has several layers.
        step : str, default="epoch"
            Column by which the rows of several runs are matched: rows with the same
            value are averaged.
        unit : str or dict of str to str, default="bits"
            Unit of DSE and DSMI, or of each measure by its name: "share" if it is
            normalized.
        ax : matplotlib Axes or array of them, default=None
            Axes to draw on, one for each measure; None makes a figure.
        **kwargs : dict
            Passed to the ``plot`` of matplotlib for the curves.

        Returns
        -------
        display : TrainingDynamicsDisplay
            The display, drawn.

        Raises
        ------
        ValueError
            If the frame has no rows or lacks a column, or if it has several layers and
            `by` is another column.
        """
        columns = columns_of(frame)
        measures = choose_measures(columns, measures)
        check_column(columns, x, "x")
        check_column(columns, step, "step")
        by = _curves_by(columns, by)
        kinds = columns[by] if by else np.full(len(columns[x]), "all")
        curves = {}
        for kind in distinct(kinds):
            rows = {name: values[kinds == kind] for name, values in columns.items()}
            curves[str(kind)] = make_curve(rows, x, step, measures)
        return cls(curves=curves, x_name=x, by=by, unit=unit).plot(ax, **kwargs)

    def plot(self, ax: Place = None, **kwargs: Any) -> Self:
        """Draw the curves.

        Parameters
        ----------
        ax : matplotlib Axes or array of them, default=None
            Axes to draw on, one for each measure; None makes a figure.
        **kwargs : dict
            Passed to the ``plot`` of matplotlib for the curves.

        Returns
        -------
        display : TrainingDynamicsDisplay
            The display itself.

        Raises
        ------
        ImportError
            If matplotlib is not installed.
        ValueError
            If there are not as many axes as measures.
        """
        measures = list(next(iter(self.curves.values())).means)
        units = units_of(measures, self.unit)
        self.axes_ = make_axes(self, ax, measures)
        self.lines_: dict[str, Any] = {}
        self.bands_: dict[str, Any] = {}
        for axes, measure in zip(self.axes_, measures, strict=True):
            self.lines_[measure], self.bands_[measure] = {}, {}
            for i, name in enumerate(self.curves):
                self._draw(axes, measure, name, style(i) | kwargs)
            axes.set_xlabel(self.x_name)
            about = describe(measure)
            axes.set_ylabel(with_unit(about.title, units[measure], about.use))
            finish(axes)
        self.ax_ = self.axes_[0]
        self.figure_ = self.ax_.figure
        self._explain()
        return self

    def frame(self) -> DataFrame:
        """Return the points of the drawing as a table of pandas.

        Returns
        -------
        frame : pandas.DataFrame
            A row for each measure, curve and step. The first columns have the names of
            `by` (or "curve") and of `x_name`, such as ``layer`` and ``epoch``. Then
            come ``measure``; ``value``, the mean over runs; ``spread`` of the value and
            ``x_spread``, NaN where they are not known; ``n_runs``; and ``unit``, empty
            for measures without one.

        Raises
        ------
        ImportError
            If pandas is not installed; it comes with ``skdse[report]``.
        """
        parts = [
            {
                "curve": name,
                "x": curve.x,
                "measure": measure,
                "value": values,
                "spread": curve.spreads[measure],
                "x_spread": curve.x_spread,
                "n_runs": curve.n_runs,
                "unit": units_of([measure], self.unit)[measure],
            }
            for name, curve in self.curves.items()
            for measure, values in curve.means.items()
        ]
        names = {"curve": self.by or "curve", "x": self.x_name}
        return to_pandas(self, joined(parts)).rename(columns=names)

    def _draw(self, ax, measure, name, options):
        """Draw the mean and the spread of a measure."""
        curve = self.curves[name]
        mean, spread = curve.means[measure], curve.spreads[measure]
        options = {"markersize": 4, "label": name} | options
        (line,) = ax.plot(curve.x, mean, **options)
        self.lines_[measure][name] = line
        color = line.get_color()
        if not np.isfinite(spread).any():
            return
        if np.isfinite(curve.x_spread).any() and np.any(curve.x_spread > 0):
            # Both were measured: a band would hide that x varies, and turns back on
            # itself where x falls.
            band = ax.errorbar(
                curve.x,
                mean,
                xerr=np.nan_to_num(curve.x_spread),
                yerr=np.nan_to_num(spread),
                fmt="none",
                ecolor=color,
                elinewidth=1,
                alpha=0.5,
            )
        else:
            band = ax.fill_between(
                curve.x, mean - spread, mean + spread, color=color, **BAND
            )
        self.bands_[measure][name] = band

    def _explain(self):
        """Name the curves and their spreads in a legend or title."""
        n_runs = max(curve.n_runs for curve in self.curves.values())
        words = [self.by] if self.by else []
        if n_runs > 1:
            words.append(f"mean ± s.d. of {n_runs} runs")
        elif any(self.bands_.values()):
            words.append("± standard error")
        title = ", ".join(words)
        if len(self.curves) > MANY:
            beside = {"loc": "upper left", "bbox_to_anchor": (1, 1)}
            self.axes_[-1].legend(title=title.replace(", ", "\n"), **beside, **LEGEND)
        elif len(self.curves) > 1:
            self.ax_.legend(title=title, **LEGEND)
        elif title:
            self.ax_.set_title(title, fontsize="medium")


def _curves_by(columns, by):
    """Column whose values are curves, or None."""
    n_layers = len(distinct(columns["layer"])) if "layer" in columns else 1
    if by is None:
        return "layer" if n_layers > 1 else None
    check_column(columns, by, "by")
    if n_layers > 1 and by != "layer":
        # Else layers would be averaged as if they were runs.
        raise ValueError(
            f"by={by!r} needs a frame of one layer; got the layers "
            f"{distinct(columns['layer'])}. Select the rows of one of them."
        )
    return by
