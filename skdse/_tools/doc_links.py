"""Links from estimators, as notebooks show them, to their pages of the documentation.

scikit-learn makes them ("Developer API for HTML representation" in its developer guide)
from the template of a class. The address of the documentation stands in the metadata of
the package, under ``[project.urls]``; where it has none, there are no links.
"""

from importlib.metadata import PackageNotFoundError, metadata

PACKAGE = __name__.partition(".")[0]
PAGE = "/api/generated/{estimator_module}.{estimator_name}.html"


def documentation_address(distribution=PACKAGE):
    """Address of the documentation of an installed distribution; None if unknown."""
    try:
        urls = metadata(distribution).get_all("Project-URL") or []
    except PackageNotFoundError:
        return None
    for label, _, url in (one.partition(",") for one in urls):
        if label.strip().lower() == "documentation":
            return url.strip()
    return None


def link_template(address):
    """Template of scikit-learn for the page of an estimator; none has no address."""
    return address.rstrip("/") + PAGE if address else ""


class DocLinkMixin:
    """An estimator whose page is in the documentation of this package.

    The class that inherits from it inherits from BaseEstimator after it.
    """

    _doc_link_module = PACKAGE
    _doc_link_template = link_template(documentation_address())
