"""Links from estimators, as notebooks show them, to their pages of the documentation.

scikit-learn makes them ("Developer API for HTML representation" in its developer guide)
from the template of a class. The address of the documentation stands in the metadata of
the package, under ``[project.urls]``; where it has none, there are no links. Each
version X.Y has its pages in a folder of this name.
"""

from importlib.metadata import PackageNotFoundError, metadata

PACKAGE = __name__.partition(".")[0]
PAGE = "api/generated/{estimator_module}.{estimator_name}.html"


def link_template(distribution=PACKAGE):
    """Template of scikit-learn for the page of an estimator; "" makes no links."""
    try:
        known = metadata(distribution)
    except PackageNotFoundError:
        return ""
    folder = ".".join(known["Version"].split(".")[:2])
    for label, _, url in (
        one.partition(",") for one in known.get_all("Project-URL") or []
    ):
        if label.strip().lower() == "documentation":
            return f"{url.strip().rstrip('/')}/{folder}/{PAGE}"
    return ""


class DocLinkMixin:
    """An estimator whose page is in the documentation of this package.

    The class that inherits from it inherits from BaseEstimator after it.
    """

    _doc_link_module = PACKAGE
    _doc_link_template = link_template()
