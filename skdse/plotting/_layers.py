"""Display of the layers of a network, or of other representations side by side."""

from collections.abc import Mapping, Sequence
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike

from .._measures.catalogue import (
    chosen_measures,
    describe,
    measure_layers,
    prepare_measures,
    units_of,
)
from .._measures.entropy import DiffusionSpectralEntropy
from .._measures.mutual_info import DiffusionSpectralMI
from .._measures.tables import (
    at_epoch,
    averaged,
    check_column,
    choose_measures,
    columns_of,
    joined,
    panels_of,
    places,
    to_pandas,
)
from .._tools.hints import DataFrame, Frame, Place, SamplesLike, Seed, TargetsLike
from ..probing._representation import (
    is_perceptron,
    perceptron_activations,
    split,
    unwrapped,
)
from ._axes import LEGEND, PANEL_SIZE, finish, make_axes, style, with_unit

# Names that need more characters than this in a row are turned.
LONG_NAMES = 60


class LayerProfileDisplay:
    """Measures of the layers of a network, layer by layer.

    One panel shows DSE (how many states the samples fill), others DSMI (how much lower
    the entropy is within groups than within random groups of the same size) with labels
    and with inputs, in the forms that :ref:`forms-of-dsmi` tells apart. It is
    recommended to use :meth:`from_estimator`,
    :meth:`from_activations` or :meth:`from_frame`. All parameters are stored as
    attributes.

    Parameters
    ----------
    names : list of str of length n_layers
        Names of the layers.
    values : dict of str to ndarray of shape (n_layers,)
        Values of each measure.
    errors : dict of str to ndarray of shape (n_layers,), default=None
        Error of each measure: the standard deviation over runs, or for a single run the
        standard error of the measure; NaN if it is not known.
    n_features : array-like of shape (n_layers,), default=None
        Number of features of each layer.
    n_runs : int, default=1
        Number of runs over which the values are averaged.
    of : str, default="layer"
        Title of the horizontal axis.
    unit : str, default="bits"
        Unit of DSE and DSMI.

    Attributes
    ----------
    ax_ : matplotlib Axes
        The first panel.
    axes_ : ndarray of matplotlib Axes of shape (n_panels,)
        All panels.
    figure_ : matplotlib Figure
        Figure of the axes.
    errorbars_ : dict of str to matplotlib ErrorbarContainer
        Line and error bars of each measure.

    See Also
    --------
    TrainingDynamicsDisplay : Layers during training.

    Examples
    --------
    Draw the layers of a perceptron:

    >>> from sklearn.datasets import load_digits
    >>> from sklearn.neural_network import MLPClassifier
    >>> from skdse.plotting import LayerProfileDisplay
    >>> X, y = load_digits(return_X_y=True)
    >>> mlp = MLPClassifier((32, 16), solver="lbfgs", random_state=0).fit(X, y)
    >>> display = LayerProfileDisplay.from_estimator(
    ...     mlp, X[:300], y[:300], random_state=0
    ... )
    >>> display.names
    ['input', 'hidden_1', 'hidden_2', 'output']
    >>> [ax.get_ylabel().splitlines()[0] for ax in display.axes_]
    ['DSE [bits]', 'DSMI share', 'DSMI [bits]']
    """

    def __init__(
        self,
        *,
        names: Sequence[str],
        values: Mapping[str, ArrayLike],
        errors: Mapping[str, ArrayLike] | None = None,
        n_features: ArrayLike | None = None,
        n_runs: int = 1,
        of: str = "layer",
        unit: str = "bits",
    ) -> None:
        self.names = names
        self.values = values
        self.errors = errors
        self.n_features = n_features
        self.n_runs = n_runs
        self.of = of
        self.unit = unit

    @classmethod
    def from_estimator(
        cls,
        estimator: Any,
        X: SamplesLike,
        y: TargetsLike | None = None,
        *,
        dse: DiffusionSpectralEntropy | None = None,
        dsmi: DiffusionSpectralMI | None = None,
        random_state: Seed = None,
        ax: Place = None,
    ) -> Self:
        """Measure and draw the layers of a fitted perceptron.

        Parameters
        ----------
        estimator : MLPClassifier or MLPRegressor
            Fitted perceptron, or a pipeline or search that ends in one.
        X : array-like or tensor of shape (n_samples, n_features)
            Samples, best those that the perceptron was not trained on.
        y : array-like of shape (n_samples,) or (n_samples, ...), default=None
            Labels or values, for DSMI(Z;Y). If None, DSMI(Z;X) is drawn alone.
        dse : DiffusionSpectralEntropy, default=None
            How to measure DSE; None is ``DiffusionSpectralEntropy()``.
        dsmi : DiffusionSpectralMI, default=None
            How to measure DSMI, with the groups of y and with clusters of X; None
            measures both forms with y, and "dsmi_input" with X.
        random_state : int, RandomState instance or None, default=None
            Seed of `dse` and `dsmi` if they have no seed.
        ax : array of matplotlib Axes, default=None
            Axes to draw on, one for each panel; None makes a figure.

        Returns
        -------
        display : LayerProfileDisplay
            The display, drawn. The first layer is the input of the perceptron, the
            last its output before the softmax.

        Raises
        ------
        TypeError
            If the estimator is not a perceptron.
        sklearn.exceptions.NotFittedError
            If the estimator is not fitted.
        """
        before, mlp = split(unwrapped(estimator))
        if not is_perceptron(mlp):
            raise TypeError(
                "estimator must be a fitted MLPClassifier or MLPRegressor, or end in "
                f"one; got {estimator!r}. from_activations takes the layers of any "
                "network."
            )
        Z = before(X)
        activations = {"input": Z} | perceptron_activations(mlp, Z)
        return cls.from_activations(
            activations, X, y, dse=dse, dsmi=dsmi, random_state=random_state, ax=ax
        )

    @classmethod
    def from_activations(
        cls,
        activations: Mapping[str, SamplesLike],
        X: SamplesLike | None = None,
        y: TargetsLike | None = None,
        *,
        dse: DiffusionSpectralEntropy | None = None,
        dsmi: DiffusionSpectralMI | None = None,
        random_state: Seed = None,
        ax: Place = None,
    ) -> Self:
        """Measure and draw the layers of any network.

        Parameters
        ----------
        activations : dict of str to array-like or tensor of shape \
                (n_samples, n_features)
            Activations of the same samples in each layer. Those on a device are
            measured there, layer after layer.
        X : array-like of shape (n_samples, ...), default=None
            Inputs, for DSMI(Z;X). They are clustered once.
        y : array-like of shape (n_samples,) or (n_samples, ...), default=None
            Labels or values, for DSMI(Z;Y).
        dse : DiffusionSpectralEntropy, default=None
            How to measure DSE; None is ``DiffusionSpectralEntropy()``.
        dsmi : DiffusionSpectralMI, default=None
            How to measure DSMI; None measures both forms with y, and "dsmi_input" with
            X.
        random_state : int, RandomState instance or None, default=None
            Seed of `dse` and `dsmi` if they have no seed.
        ax : matplotlib Axes or array of them, default=None
            Axes to draw on, one for each panel; None makes a figure.

        Returns
        -------
        display : LayerProfileDisplay
            The display, drawn.
        """
        dse = DiffusionSpectralEntropy() if dse is None else dse
        measures = chosen_measures(dse, dsmi, X is not None, y is not None)
        prepared = prepare_measures(measures, X, y, random_state)
        records = [
            {"layer": one.name, "n_features": one.fitted["dse"].n_features_in_}
            | one.values
            for one in measure_layers(activations.items(), prepared)
        ]
        is_share = dse.normalize and dsmi is not None and dsmi.normalize
        unit = "share" if is_share else "bits"
        return cls.from_frame(records, unit=unit, ax=ax)

    @classmethod
    def from_frame(
        cls,
        frame: Frame,
        *,
        measures: str | Sequence[str] | None = None,
        name: str = "layer",
        epoch: int | None = None,
        unit: str = "bits",
        ax: Place = None,
        **kwargs: Any,
    ) -> Self:
        """Draw a frame with one row for each layer.

        Parameters
        ----------
        frame : DataFrame, mapping of columns or list of dict
            The measurements: columns "dse", "dsmi", "dsmi_input" and other measures;
            if known, their standard errors, such as "dse_std_error", and "n_features".
            If there is a column "epoch", the rows of one epoch are drawn. If there is a
            column "run" with several values, means over runs are drawn.
        measures : str or list of str, default=None
            Columns to draw; None draws DSE, DSMI and all others with a standard error.
            DSMI in bits, with labels and with inputs, shares a panel.
        name : str, default="layer"
            Column with the names of the layers, or of other representations.
        epoch : int, default=None
            Epoch to draw; None is the last.
        unit : str, default="bits"
            Unit of DSE and DSMI: "share" if they are normalized.
        ax : matplotlib Axes or array of them, default=None
            Axes to draw on, one for each panel; None makes a figure.
        **kwargs : dict
            Passed to the ``errorbar`` of matplotlib.

        Returns
        -------
        display : LayerProfileDisplay
            The display, drawn.

        Raises
        ------
        ValueError
            If the frame has no rows, or lacks a column or the epoch.
        """
        columns = at_epoch(columns_of(frame), epoch)
        measures = choose_measures(columns, measures)
        check_column(columns, name, "name")
        names, place, n_runs = places(columns, name)
        pairs = {one: averaged(columns, one, place, len(names)) for one in measures}
        n_features = None
        if "n_features" in columns:
            first = [np.flatnonzero(place == i)[0] for i in range(len(names))]
            n_features = columns["n_features"][first]
        display = cls(
            names=names,
            values={one: mean for one, (mean, _) in pairs.items()},
            errors={one: error for one, (_, error) in pairs.items()},
            n_features=n_features,
            n_runs=n_runs,
            of="layer" if name == "layer" else "representation Z",
            unit=unit,
        )
        return display.plot(ax, **kwargs)

    def plot(self, ax: Place = None, **kwargs: Any) -> Self:
        """Draw the measures.

        Parameters
        ----------
        ax : matplotlib Axes or array of them, default=None
            Axes to draw on, one for each panel; None makes a figure.
        **kwargs : dict
            Passed to the ``errorbar`` of matplotlib.

        Returns
        -------
        display : LayerProfileDisplay
            The display itself.

        Raises
        ------
        ImportError
            If matplotlib is not installed.
        ValueError
            If there are not as many axes as panels.
        """
        panels, units = panels_of(self.values), units_of(self.values, self.unit)
        width = max(PANEL_SIZE[0], 0.5 * len(self.names))
        self.axes_ = make_axes(self, ax, list(panels), (width, PANEL_SIZE[1]))
        self.errorbars_: dict[str, Any] = {}
        for axes, (panel, measures) in zip(self.axes_, panels.items(), strict=True):
            for measure in measures:
                self._draw(axes, measure, kwargs)
            first = measures[0]
            axes.set_ylabel(with_unit(panel, units[first], describe(first).use))
            self._name_places(axes)
            if len(measures) > 1:
                axes.legend(**LEGEND)
        self.ax_ = self.axes_[0]
        self.figure_ = self.ax_.figure
        if self.n_runs > 1:
            self.ax_.set_title(f"mean ± s.d. of {self.n_runs} runs", fontsize="medium")
        return self

    def frame(self) -> DataFrame:
        """Return the points of the drawing as a table of pandas.

        Returns
        -------
        frame : pandas.DataFrame
            A row for each layer and measure: ``layer``, ``measure``, ``value``,
            ``error`` and ``n_features``, NaN where they are not known, ``n_runs`` and
            ``unit``, empty for measures without one.

        Raises
        ------
        ImportError
            If pandas is not installed; it comes with ``skdse[report]``.
        """
        columns = [
            {
                "layer": self.names,
                "measure": name,
                "value": values,
                "error": (self.errors or {}).get(name, np.nan),
                "n_features": np.nan if self.n_features is None else self.n_features,
                "n_runs": self.n_runs,
                "unit": units_of([name], self.unit)[name],
            }
            for name, values in self.values.items()
        ]
        return to_pandas(self, joined(columns))

    def _draw(self, ax, measure, kwargs):
        """Draw a measure with its errors."""
        about = describe(measure)
        errors = (self.errors or {}).get(measure, np.full(len(self.names), np.nan))
        options = style(about.style) | {"label": about.label, "capsize": 3} | kwargs
        self.errorbars_[measure] = ax.errorbar(
            range(len(self.names)),
            self.values[measure],
            yerr=np.nan_to_num(errors),
            **options,
        )

    def _name_places(self, ax):
        """Write the names of the layers, and how many features they have."""
        labels, title = list(self.names), self.of
        if self.n_features is not None:
            pairs = zip(labels, self.n_features, strict=True)
            labels = [f"{label}\n{width}" for label, width in pairs]
            title += " and its number of features"
        ax.set_xticks(range(len(labels)), labels)
        ax.set_xlabel(title)
        if sum(map(len, labels)) > LONG_NAMES:
            ax.tick_params("x", rotation=90)
        ax.margins(x=0.1, y=0.15)
        finish(ax)
