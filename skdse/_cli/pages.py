"""The report in HTML of ``skdse report --html``."""

from ..reporting import RepresentationReport
from ..reporting._page import check_page
from .errors import blamed_on, extra


def check_html(path):
    """Raise before any work if the report could not be written after it."""
    with extra("report", "--html"), blamed_on(path):
        check_page(path)


def write_html(path, measured, job, settings, units):
    """Write a report of what was measured, each a record and a spectrum or None."""
    records = [record for record, _ in measured]
    spectra = {record[job.name]: one for record, one in measured if one is not None}
    report = RepresentationReport(
        records,
        name=job.name,
        unit=units,
        spectra=spectra,
        settings=settings,
        notes=" ".join(job.heading).strip() or (),
        title=job.title or None,
    )
    with blamed_on(path):
        report.write_html(path)
