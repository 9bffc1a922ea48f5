"""How the records of a tracker are shown: as a table, or as a report."""

from os import PathLike

from .._measures.tables import pandas_table
from .._tools.hints import DataFrame
from ..reporting import RepresentationReport


class TrackerResults:
    """Methods that show ``records_``, and ``spectra_`` of the last epoch."""

    def to_frame(self) -> DataFrame:
        """Return the records as a table of pandas.

        Returns
        -------
        frame : pandas.DataFrame
            A row for each epoch and layer, with the columns of `records_`.

        Raises
        ------
        ImportError
            If pandas is not installed; it comes with ``skdse[report]``.
        """
        way_out = " records_ has the same records, as a list."
        return pandas_table(getattr(self, "records_", []), "to_frame", way_out)

    def to_html(
        self, path: str | PathLike | None = None, *, title: str | None = None
    ) -> str | None:
        """Return the records as a report in HTML, or write it to a file.

        The report is one file that needs no network; see
        :class:`skdse.reporting.RepresentationReport`, which notebooks display. It has
        the entropy curves and spectra of the epoch that was measured last, unless the
        records come from a file.

        Parameters
        ----------
        path : str or path-like, default=None
            File to write, whose name ends in .html or .htm. None writes none.
        title : str, default=None
            Title of the page; None is one with the name of the run.

        Returns
        -------
        page : str or None
            The page, if there is no path.

        Raises
        ------
        ImportError
            If plotly is not installed; it comes with ``skdse[report]``.
        ValueError
            If there are no records, or no file can be written to this path.
        """
        report = RepresentationReport.from_tracker(self, title=title)
        if path is None:
            return report.html()
        report.write_html(path)
        return None
