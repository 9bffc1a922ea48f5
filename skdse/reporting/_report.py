"""The report: from a frame, or a tracker, to a page.

frame ─► columns ─► grids ─┐
spectra ─► curves ─────────┼─► sections and data ─► page
settings, versions ────────┘
"""

import tempfile
import webbrowser
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from html import escape
from os import PathLike
from pathlib import Path
from typing import Any, Self

import numpy as np

from .._measures.catalogue import describe, units_of
from .._measures.spectra import FittedSpectrum, fitted_spectrum
from .._measures.tables import check_column, choose_measures, columns_of
from .._tools.hints import Frame
from .._tools.validation import check_kind
from ._curves import curve_and_spectrum
from ._facts import facts_of, settings_of, unit_of
from ._grids import OF_NETWORK, make_grids
from ._page import check_page, make_page
from ._sections import (
    measure_section,
    plane_section,
    settings_section,
    spectra_section,
    table_section,
)

TITLE = "Representations, layer by layer"
# Shown beside the measures, where a tracker looks for collapse.
SIGNS = ("feature_rank", "feature_spread")
# Layers whose spectra are drawn at most; of more, the first, the last and some between.
MAX_SPECTRA = 60
# Measures of the plane: the first two that are there.
PLANE = ("dse", "dsmi", "dsmi_wide", "dsmi_share")
# What the charts need of a grid.
GRID_KEYS = ("run", "layers", "epochs", "values", "errors", "error")


class RepresentationReport:
    """Report of measures, layer by layer and epoch by epoch, as one HTML file.

    It has maps of each measure by layer and epoch, the plane of DSE and DSMI with a
    trail for each layer, entropy curves and spectra, a table that can be sorted, the
    settings and the versions. Values and errors show where the mouse is. A notebook
    displays the report as it is. It is recommended to use :meth:`from_tracker`, or
    ``skdse report --html`` for files. All parameters are stored as attributes.

    Parameters
    ----------
    frame : DataFrame, mapping of columns or list of dict
        The measurements, a row for each layer: a column with names; "epoch" and "run"
        where there are several; the measures, such as "dse" and "dsmi"; if known, their
        standard errors, such as "dse_std_error". Other columns are in the table. This
        can be the file that a tracker has written.
    name : str, default="layer"
        Column with the names of the layers, or of other representations.
    measures : str or list of str, default=None
        Columns to draw; None draws DSE, DSMI and all others with a standard error.
    unit : str or dict of str to str, default="bits"
        Unit of DSE and DSMI, or of each measure by its name.
    spectra : dict of str to DiffusionSpectralEntropy, default=None
        Fitted entropy of each layer, whose curve over diffusion time and whose
        eigenvalues are drawn.
    settings : dict of str to object, default=None
        What was measured, and how: shown as texts.
    notes : str or list of str, default=()
        Sentences below the title.
    title : str, default=None
        Title of the page; None is "Representations, layer by layer".

    See Also
    --------
    skdse.probing.RepresentationTracker.to_html : The report of a tracker.
    skdse.plotting.TrainingDynamicsDisplay : A figure of matplotlib.

    Notes
    -----
    The file has summaries alone: measures, errors, entropy curves of 30 times, 100
    eigenvalues of a spectrum, and of samples their kind and shape. It takes 2 to 5 MB,
    of which plotly.js is 2. Where there are more than 60,000 values, epochs are left
    out evenly; the table ends with the last 20,000 cells.

    Nothing is loaded when the page is opened: a policy in the page forbids it. The
    browser must be of 2023 or later. Colours follow the light or dark theme of the
    system.

    Examples
    --------
    Write a report of two layers in two epochs:

    >>> from skdse.reporting import RepresentationReport
    >>> frame = {
    ...     "layer": ["hidden", "output", "hidden", "output"],
    ...     "epoch": [0, 0, 1, 1],
    ...     "dse": [6.1, 5.0, 5.8, 4.1],
    ...     "dsmi": [0.2, 0.1, 0.9, 1.1],
    ... }
    >>> report = RepresentationReport(frame, title="Two layers")
    >>> report
    RepresentationReport('Two layers'): html(), write_html(path) and open() show it.
    >>> print(report.html()[:15])
    <!DOCTYPE html>
    """

    def __init__(
        self,
        frame: Frame,
        *,
        name: str = "layer",
        measures: str | Sequence[str] | None = None,
        unit: str | Mapping[str, str] = "bits",
        spectra: Mapping[str, Any] | None = None,
        settings: Mapping[str, Any] | None = None,
        notes: str | Sequence[str] = (),
        title: str | None = None,
    ) -> None:
        self.frame = frame
        self.name = name
        self.measures = measures
        self.unit = unit
        self.spectra = spectra
        self.settings = settings
        self.notes = notes
        self.title = title
        self._columns = _checked_columns(frame, name)
        self._shown = choose_measures(self._columns, measures)
        if measures is None:
            self._shown += [one for one in SIGNS if one in self._columns]
        self._grids = make_grids(self._columns, name, self._shown)
        self._fitted = _fitted_spectra(spectra)
        if settings is not None:
            check_kind(settings, Mapping, "settings", "a mapping of names to values")
        self._written = f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC"

    @classmethod
    def from_tracker(cls, tracker: Any, *, title: str | None = None) -> Self:
        """Report of what a tracker has measured.

        Parameters
        ----------
        tracker : RepresentationTracker
            The tracker, with records; that of a callback of Lightning, Transformers or
            Keras is its attribute ``tracker``.
        title : str, default=None
            Title of the page; None is "Representations, layer by layer", and the name
            of the run.

        Returns
        -------
        report : RepresentationReport
            The report. Spectra and entropy curves are those of the epoch that was
            measured last.

        Raises
        ------
        TypeError
            If this is no tracker.
        ValueError
            If it has no records.
        """
        if not hasattr(tracker, "get_params") or not hasattr(tracker, "to_frame"):
            raise TypeError(
                f"tracker must be a RepresentationTracker; got {tracker!r}. A table of "
                "measures is RepresentationReport(frame)."
            )
        records = getattr(tracker, "records_", [])
        if not records:
            raise ValueError(
                "tracker has no records: call it with a network first, or call "
                "initialize() to take up the records of the file in its path."
            )
        if title is None:
            title = f"{TITLE}: {tracker.run}" if tracker.run else TITLE
        units: str | dict[str, str] = "bits"
        if isinstance(tracker.measures, Mapping):
            units = {name: unit_of(one) for name, one in tracker.measures.items()}
        return cls(
            records,
            unit=units,
            spectra=getattr(tracker, "spectra_", {}),
            settings=settings_of(tracker),
            title=title,
        )

    def html(self) -> str:
        """Return the page.

        Returns
        -------
        page : str
            The page, with all that it needs.

        Raises
        ------
        ImportError
            If plotly is not installed.
        """
        plane = self._plane()
        sections = [
            measure_section(
                self._grids, [describe(one).heading for one in self._shown]
            ),
            plane_section(plane, self._grids[0].n_epochs > 1),
            spectra_section(self._drawn_spectra(), len(self._grids[0].layers)),
            table_section(self._columns, self.name, self._units()),
            settings_section(self.settings),
        ]
        return make_page(
            title=self._title(),
            facts=facts_of(self._grids, self._columns, self.name),
            notes=[self.notes] if isinstance(self.notes, str) else self.notes,
            sections=sections,
            data=self._data(plane),
            written=self._written,
        )

    def write_html(self, path: str | PathLike) -> None:
        """Write the page to a file.

        Parameters
        ----------
        path : str or path-like
            File, whose name ends in .html or .htm. One that is there is replaced.

        Raises
        ------
        ValueError
            If the name has another ending, or there is no such folder.
        ImportError
            If plotly is not installed.
        """
        check_page(path)
        Path(path).write_text(self.html(), encoding="utf-8")

    def open(self) -> None:
        """Open the page in the web browser, from a file in the temporary folder.

        Raises
        ------
        RuntimeError
            If there is no browser.
        ImportError
            If plotly is not installed.
        """
        path = Path(tempfile.mkdtemp(prefix="skdse_")) / "report.html"
        self.write_html(path)
        if not webbrowser.open(path.as_uri()):
            raise RuntimeError(
                f"no web browser was found. The page is in {path}; write_html(path) "
                "writes it to where you want it."
            )

    def __repr__(self):
        name, title = type(self).__name__, self._title()
        return f"{name}({title!r}): html(), write_html(path) and open() show it."

    def _repr_html_(self):
        """Return the page in a frame, as notebooks show it."""
        return (
            '<iframe title="Report of representations" sandbox="allow-scripts '
            'allow-downloads" style="border: 0; height: 50rem; width: 100%" '
            f'srcdoc="{escape(self.html())}"></iframe>'
        )

    def _title(self):
        """Title of the page."""
        return TITLE if self.title is None else str(self.title)

    def _keys(self):
        """Measures and what else has values."""
        return list(self._grids[0].values)

    def _units(self):
        """Unit of each measure by name; "" where it has none."""
        return units_of(self._keys(), self.unit)

    def _drawn_spectra(self):
        """Spectra that are drawn; None where none are asked for."""
        if self._fitted is None or len(self._fitted) <= MAX_SPECTRA:
            return self._fitted
        layers = list(self._fitted)
        kept = np.linspace(0, len(layers) - 1, MAX_SPECTRA).round().astype(int)
        return {layers[i]: self._fitted[layers[i]] for i in kept}

    def _plane(self):
        """Names of the two measures of the plane; none where there is but one."""
        first = [key for key in PLANE if key in self._shown]
        keys = first + [key for key in self._keys() if key not in first]
        return keys[:2] if len(keys) > 1 else []

    def _data(self, plane):
        """What the charts need."""
        units = self._units()
        return {
            "measures": {
                key: {"title": describe(key).title, "unit": units[key]}
                for key in self._keys()
            },
            "shown": self._shown,
            "network": [key for key in OF_NETWORK if key in self._keys()],
            "plane": plane,
            "grids": [
                {key: getattr(grid, key) for key in GRID_KEYS} for grid in self._grids
            ],
            "spectra": [
                curve_and_spectrum(layer, fitted)
                for layer, fitted in (self._drawn_spectra() or {}).items()
            ],
        }


def _checked_columns(frame, name):
    """Columns of a frame that has a row, and the column of names."""
    try:
        columns = columns_of(frame)
    except (AttributeError, IndexError, KeyError, TypeError) as error:
        raise TypeError(
            "frame must be a DataFrame, a mapping of columns or a list of dict; got "
            f"{type(frame).__name__}. Of a tracker, from_tracker makes the report."
        ) from error
    check_column(columns, name, "name")
    lengths = {key: len(values) for key, values in columns.items()}
    if len(set(lengths.values())) > 1:
        raise ValueError(f"columns of frame must be of one length; got {lengths}.")
    return columns


def _fitted_spectra(spectra):
    """Spectrum of each layer, None where none are asked for."""
    if spectra is None:
        return None
    check_kind(spectra, Mapping, "spectra", "a mapping of layers to fitted entropies")
    found = {}
    for layer, one in spectra.items():
        if not isinstance(one, FittedSpectrum):
            one = fitted_spectrum({"dse": one})
        if one is None:
            raise TypeError(
                f"spectra[{layer!r}] must be a fitted DiffusionSpectralEntropy; got "
                f"{spectra[layer]!r}."
            )
        found[str(layer)] = one
    return found
