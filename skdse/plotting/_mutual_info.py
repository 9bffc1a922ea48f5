"""Display of mutual information: its terms, and its values by chance."""

from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike

from .._measures.mutual_info import DiffusionSpectralMI
from .._measures.permutation import PermutationTestResult
from .._measures.tables import joined, to_pandas
from .._tools.hints import DataFrame, Place
from ._axes import (
    COLORS,
    LEGEND,
    PANEL_SIZE,
    check_fitted,
    finish,
    make_axes,
    neutral,
    with_unit,
)

# Up to so many groups are named; more are drawn in the order of their entropies.
MAX_NAMED = 40


class MutualInfoDisplay:
    """Mutual information (DSMI) group by group, and its values by chance.

    DSMI is how much lower the entropy is within groups than within random subsets of
    the same size. The first panel shows both entropies for each group y: S(X | Y = y)
    of its samples, and E S(X*) of random subsets. DSMI is their mean difference,
    weighted by the sizes of the groups. The second panel shows the null distribution of
    a permutation test. A panel without data is left out. It is recommended to use
    :meth:`from_estimator` or :meth:`from_test`. All parameters are stored as
    attributes.

    Parameters
    ----------
    mutual_info : float
        Mutual information.
    std_error : float
        Standard error of the mutual information.
    unit : str, default="bits"
        Unit of the mutual information. Entropies are in bits.
    groups : array-like of shape (n_groups,), default=None
        Names of the groups.
    group_sizes : array-like of shape (n_groups,), default=None
        Number of samples in each group.
    group_entropies : array-like of shape (n_groups,), default=None
        Entropy of each group, in bits.
    subset_entropies : float or array-like of shape (n_groups,), default=None
        Entropy of random subsets, in bits: the mean over the sizes of the groups, or a
        value for the size of each group.
    null_distribution : array-like of shape (n_permutations,), default=None
        Values of the mutual information by chance.
    pvalue : float, default=None
        The p-value of the permutation test.

    Attributes
    ----------
    ax_ : matplotlib Axes
        The first panel.
    axes_ : ndarray of matplotlib Axes of shape (n_panels,)
        All panels.
    figure_ : matplotlib Figure
        Figure of the axes.
    lines_ : list of matplotlib Line2D
        Entropies of the groups, and of random subsets.
    bars_ : matplotlib artist or None
        Histogram of the null distribution.

    See Also
    --------
    skdse.DiffusionSpectralMI : The estimator.
    skdse.mutual_info_permutation_test : The test.

    Examples
    --------
    Draw the DSMI of the digits and their labels, and its values by chance:

    >>> from sklearn.datasets import load_digits
    >>> from skdse import DiffusionSpectralMI, mutual_info_permutation_test
    >>> from skdse.plotting import MutualInfoDisplay
    >>> X, y = load_digits(return_X_y=True)
    >>> X, y = X[:500], y[:500]
    >>> dsmi = DiffusionSpectralMI(random_state=0).fit(X, y)
    >>> test = mutual_info_permutation_test(X, y, random_state=0)
    >>> display = MutualInfoDisplay.from_estimator(dsmi, test=test)
    >>> [ax.get_xlabel() for ax in display.axes_]
    ['entropy [bits]', 'DSMI [bits]']
    """

    def __init__(
        self,
        *,
        mutual_info: float,
        std_error: float,
        unit: str = "bits",
        groups: ArrayLike | None = None,
        group_sizes: ArrayLike | None = None,
        group_entropies: ArrayLike | None = None,
        subset_entropies: ArrayLike | None = None,
        null_distribution: ArrayLike | None = None,
        pvalue: float | None = None,
    ) -> None:
        self.mutual_info = mutual_info
        self.std_error = std_error
        self.unit = unit
        self.groups = groups
        self.group_sizes = group_sizes
        self.group_entropies = group_entropies
        self.subset_entropies = subset_entropies
        self.null_distribution = null_distribution
        self.pvalue = pvalue

    @classmethod
    def from_estimator(
        cls,
        estimator: DiffusionSpectralMI,
        *,
        test: PermutationTestResult | None = None,
        ax: Place = None,
    ) -> Self:
        """Draw the terms of a fitted estimator, and a permutation test of it.

        Parameters
        ----------
        estimator : DiffusionSpectralMI
            Fitted estimator.
        test : PermutationTestResult, default=None
            Result of :func:`skdse.mutual_info_permutation_test`.
        ax : matplotlib Axes or array of them, default=None
            Axes to draw on, two with a test; None makes a figure.

        Returns
        -------
        display : MutualInfoDisplay
            The display, drawn. All groups are compared with the mean entropy of random
            subsets over the sizes of the groups. A small group can be below this mean,
            and a large group above it, because of their sizes alone.

        Raises
        ------
        TypeError
            If the estimator or the test is of another kind.
        sklearn.exceptions.NotFittedError
            If the estimator is not fitted.
        """
        check_fitted(estimator, DiffusionSpectralMI)
        parts = {} if test is None else _null(test)
        display = cls(
            mutual_info=estimator.mutual_info_,
            std_error=estimator.mutual_info_std_error_,
            unit="share" if estimator.normalize else "bits",
            groups=estimator.groups_,
            group_sizes=np.bincount(estimator.labels_),
            group_entropies=estimator.group_entropies_,
            subset_entropies=estimator.entropy_,
            **parts,
        )
        return display.plot(ax)

    @classmethod
    def from_test(
        cls, test: PermutationTestResult, *, unit: str = "bits", ax: Place = None
    ) -> Self:
        """Draw the result of a permutation test.

        Parameters
        ----------
        test : PermutationTestResult
            Result of :func:`skdse.mutual_info_permutation_test`.
        unit : str, default="bits"
            Unit of the mutual information: "share" if it is normalized.
        ax : matplotlib Axes, default=None
            Axes to draw on; None makes a figure.

        Returns
        -------
        display : MutualInfoDisplay
            The display, drawn.

        Raises
        ------
        TypeError
            If the test is of another kind.
        """
        parts = _null(test)
        display = cls(
            mutual_info=test.statistic, std_error=test.std_error, unit=unit, **parts
        )
        return display.plot(ax)

    def plot(self, ax: Place = None) -> Self:
        """Draw the panels.

        Parameters
        ----------
        ax : matplotlib Axes or array of them, default=None
            Axes to draw on, one for each panel; None makes a figure.

        Returns
        -------
        display : MutualInfoDisplay
            The display itself.

        Raises
        ------
        ImportError
            If matplotlib is not installed.
        ValueError
            If there are not as many axes as panels.
        """
        panels = {}
        if self.group_entropies is not None:
            panels["terms"] = self._draw_terms
        if self.null_distribution is not None:
            panels["null distribution"] = self._draw_null
        self.axes_ = make_axes(self, ax, list(panels), self._size())
        self.lines_: list[Any] = []
        self.bars_: Any = None
        for axes, draw in zip(self.axes_, panels.values(), strict=True):
            draw(axes)
        self.ax_ = self.axes_[0]
        self.figure_ = self.ax_.figure
        return self

    def frame(self) -> DataFrame:
        """Return the points of the drawing as a table of pandas.

        Returns
        -------
        frame : pandas.DataFrame
            A row for each point. ``quantity`` is "mutual information", "entropy of
            group", "entropy of subsets" (random ones, of the size of the group) or
            "mutual information by chance". Then come ``group`` and ``n_samples``, those
            of the group; ``value``, its ``std_error`` and its ``unit``. What is not
            known, or does not apply, is None or NaN.

        Raises
        ------
        ImportError
            If pandas is not installed; it comes with ``skdse[report]``.
        """
        found = "mutual information"
        parts = [_rows(found, self.mutual_info, self.unit, std_error=self.std_error)]
        if self.group_entropies is not None:
            order = self._order()
            group, size = (
                None if one is None else np.asarray(one, dtype=object)[order]
                for one in (self.groups, self.group_sizes)
            )
            names = "entropy of group", "entropy of subsets"
            for quantity, values in zip(names, self._in_order(), strict=True):
                parts.append(_rows(quantity, values, "bits", group, size))
        if self.null_distribution is not None:
            parts.append(_rows(f"{found} by chance", self.null_distribution, self.unit))
        return to_pandas(self, joined(parts)).astype({"n_samples": float})

    def _size(self):
        """Width and height of a panel, with a line for each named group."""
        n_groups = 0 if self.groups is None else len(self.groups)
        named = n_groups if n_groups <= MAX_NAMED else 0
        return PANEL_SIZE[0], max(PANEL_SIZE[1], 0.22 * named + 1.2)

    def _result(self):
        """Mutual information and its error, in words."""
        error = "" if np.isnan(self.std_error) else f" ± {self.std_error:.3f}"
        return f"DSMI = {self.mutual_info:.3f}{error} {self.unit}"

    def _draw_terms(self, ax):
        """Draw the two entropies of each group, joined by a line."""
        groups, subsets = self._in_order()
        places, n = np.arange(len(groups)), len(groups)
        named = n <= MAX_NAMED
        of_sizes = "its size" if np.ndim(self.subset_entropies) else "mean of sizes"
        ax.hlines(places, groups, subsets, color=neutral(ax), linewidth=1, alpha=0.4)
        for values, label, marker, color in (
            (groups, "S(X | Y = y)", "o", COLORS[1]),
            (subsets, f"E S(X*), {of_sizes}", "|", COLORS[0]),
        ):
            self.lines_ += ax.plot(
                values,
                places,
                linestyle="none",
                marker=marker,
                markersize=6 if named else 3,
                markeredgewidth=2 if marker == "|" else None,
                color=color,
                label=label,
            )
        if named:
            ax.set_yticks(places, self._names(), fontsize="small")
        ax.set_ylim(n - 0.5, -0.5)
        ax.set_xlabel(with_unit("entropy", "bits"))
        ax.set_ylabel("group y" if named else "groups, by their entropy")
        ax.margins(x=0.1)
        finish(ax, grid="x")
        ax.set_title(self._result(), fontsize="medium")
        ax.legend(
            frameon=False,
            fontsize="small",
            ncols=2,
            loc="upper center",
            bbox_to_anchor=(0.5, -0.14),
            columnspacing=1,
            handletextpad=0.2,
        )

    def _order(self):
        """Numbers of the groups in their order; too many to name are sorted."""
        n_groups = len(self.group_entropies)
        if n_groups <= MAX_NAMED:
            return np.arange(n_groups)
        return np.argsort(np.asarray(self.group_entropies, dtype=float))

    def _in_order(self):
        """Entropies of groups and subsets, in the order of the drawing."""
        groups = np.asarray(self.group_entropies, dtype=float)
        subsets = np.asarray(self.subset_entropies, dtype=float)
        subsets = np.broadcast_to(subsets, len(groups))
        order = self._order()
        return groups[order], subsets[order]

    def _names(self):
        """Name of each group, and how many samples it has."""
        if self.group_sizes is None:
            return [str(group) for group in self.groups]
        pairs = zip(self.groups, self.group_sizes, strict=True)
        return [f"{group} (n={size})" for group, size in pairs]

    def _draw_null(self, ax):
        """Draw the histogram of values by chance, and the value found."""
        label = f"{len(self.null_distribution)} by chance"
        _, _, self.bars_ = ax.hist(
            self.null_distribution, bins="auto", color=COLORS[0], alpha=0.6, label=label
        )
        found = "found" if self.pvalue is None else f"found, p = {self.pvalue:.2g}"
        ax.axvline(self.mutual_info, color=COLORS[1], linestyle="--", label=found)
        ax.set_xlabel(with_unit("DSMI", self.unit))
        ax.set_ylabel("permutations")
        ax.margins(x=0.1)
        finish(ax)
        ax.legend(fontsize="small", **LEGEND)


def _rows(quantity, value, unit, group=None, n_samples=None, std_error=np.nan):
    """Values of one quantity as columns of a table."""
    return {
        "quantity": quantity,
        "group": group,
        "n_samples": n_samples,
        "value": value,
        "std_error": std_error,
        "unit": unit,
    }


def _null(test):
    """Null distribution and p-value of a permutation test."""
    if not isinstance(test, PermutationTestResult):
        raise TypeError(
            f"test must be a result of mutual_info_permutation_test; got {test!r}."
        )
    return {"null_distribution": test.null_distribution, "pvalue": test.pvalue}
