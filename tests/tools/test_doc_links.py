"""The link of an estimator's HTML leads to its page of the documentation."""

from importlib.metadata import PackageNotFoundError
from pathlib import Path

import pytest
from sklearn.utils import estimator_html_repr

from skdse import DiffusionSpectralMI, ShannonEntropy
from skdse._tools import doc_links
from skdse.probing import RepresentationTracker

ADDRESS = "https://skdse.example/"
API = Path(__file__).parents[2] / "doc" / "api" / "index.rst"


class _Metadata:
    """Metadata of a distribution that has these addresses."""

    def __init__(self, *urls):
        self._urls = list(urls)

    def get_all(self, name):
        assert name == "Project-URL"
        return self._urls or None


@pytest.fixture
def linked(monkeypatch):
    """Estimators know the address of the documentation."""
    template = doc_links.link_template(ADDRESS)
    monkeypatch.setattr(doc_links.DocLinkMixin, "_doc_link_template", template)


@pytest.mark.parametrize(
    ("estimator", "module"),
    [
        (ShannonEntropy(), "skdse"),
        (DiffusionSpectralMI(), "skdse"),
        (RepresentationTracker(), "skdse.probing"),
    ],
    ids=lambda one: type(one).__name__,
)
def test_html_links_to_the_page(estimator, module, linked):
    name = type(estimator).__name__
    page = f'{ADDRESS}api/generated/{module}.{name}.html"'
    assert page in estimator_html_repr(estimator)
    # Its name is the one that the documentation gives it.
    part = API.read_text(encoding="utf-8").partition(f".. currentmodule:: {module}\n")
    assert f"   {name}\n" in part[2]


def test_estimators_inside_are_linked_too(linked):
    html = estimator_html_repr(DiffusionSpectralMI(ShannonEntropy()))
    assert "skdse.ShannonEntropy.html" in html


def test_there_is_no_link_without_an_address(monkeypatch):
    monkeypatch.setattr(doc_links.DocLinkMixin, "_doc_link_template", "")
    html = estimator_html_repr(ShannonEntropy())
    assert "api/generated" not in html
    assert "Documentation for" not in html
    assert doc_links.link_template(None) == ""


@pytest.mark.parametrize(
    ("urls", "address"),
    [
        (
            ("Paper, https://a.example", "Documentation, https://b.example"),
            "https://b.example",
        ),
        (("documentation,https://b.example",), "https://b.example"),
        (("Paper, https://a.example",), None),
        ((), None),
    ],
)
def test_address_stands_in_the_metadata(urls, address, monkeypatch):
    monkeypatch.setattr(doc_links, "metadata", lambda name: _Metadata(*urls))

    assert doc_links.documentation_address() == address


def test_package_need_not_be_installed(monkeypatch):
    def missing(name):
        raise PackageNotFoundError(name)

    monkeypatch.setattr(doc_links, "metadata", missing)
    assert doc_links.documentation_address() is None
