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

    def __getitem__(self, name):
        assert name == "Version"
        return "0.10.2"

    def get_all(self, name):
        assert name == "Project-URL"
        return self._urls or None


@pytest.fixture
def linked(monkeypatch):
    """Estimators know the address of the documentation."""
    known = _Metadata("Paper, https://a.example", f"Documentation, {ADDRESS}")
    monkeypatch.setattr(doc_links, "metadata", lambda name: known)
    template = doc_links.link_template()
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
    page = f'{ADDRESS}0.10/api/generated/{module}.{name}.html"'
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


@pytest.mark.parametrize(
    ("urls", "start"),
    [
        (("documentation,https://b.example",), "https://b.example/0.10/api"),
        (("Paper, https://a.example",), ""),
        ((), ""),
    ],
)
def test_address_stands_in_the_metadata(urls, start, monkeypatch):
    monkeypatch.setattr(doc_links, "metadata", lambda name: _Metadata(*urls))
    template = doc_links.link_template()
    assert template.startswith(start)
    assert bool(template) == bool(start)


def test_package_need_not_be_installed(monkeypatch):
    def missing(name):
        raise PackageNotFoundError(name)

    monkeypatch.setattr(doc_links, "metadata", missing)
    assert doc_links.link_template() == ""
