"""Tests of the version and of show_versions."""

import importlib.metadata
import re
import sys
from pathlib import Path

import pytest
from packaging.requirements import Requirement

import skdse
from skdse import _version

EXTRAS = ("", "plot", "torch", "dask", "report")


def _requirements():
    """Names that the installed package asks for, by itself or in an extra."""
    parsed = [Requirement(line) for line in importlib.metadata.requires("skdse")]
    return sorted(
        {
            requirement.name
            for requirement in parsed
            for extra in EXTRAS
            if requirement.marker is None
            or requirement.marker.evaluate({"extra": extra})
        }
    )


def test_version_is_that_of_the_distribution():
    assert skdse.__version__ == importlib.metadata.version("skdse")


@pytest.mark.parametrize("name", _requirements())
def test_show_versions_prints_every_dependency(name, capsys):
    skdse.show_versions()
    printed = capsys.readouterr().out
    assert f"    {name}: {_version._installed(name)}\n" in printed


def test_show_versions_prints_the_system_and_the_blas(capsys):
    skdse.show_versions()
    lines = capsys.readouterr().out.splitlines()
    assert f"    python: {sys.version.split()[0]}" in lines
    assert f"    skdse: {skdse.__version__}" in lines
    assert any("blas" in line and "threads" in line for line in lines)


def test_show_versions_says_what_is_not_installed(monkeypatch, capsys):
    version = importlib.metadata.version

    def without_matplotlib(name):
        return version("no-such-distribution" if name == "matplotlib" else name)

    monkeypatch.setattr(importlib.metadata, "version", without_matplotlib)
    skdse.show_versions()
    assert "    matplotlib: not installed\n" in capsys.readouterr().out


def test_show_versions_imports_nothing(capsys):
    before = set(sys.modules)
    skdse.show_versions()
    optional = set(_version._OPTIONAL)
    assert not optional & (set(sys.modules) - before)


def test_version_is_cited_and_in_the_changelog():
    root = Path(__file__).parent.parent
    version = re.escape(skdse.__version__)
    citation = (root / "CITATION.cff").read_text(encoding="utf-8")
    assert re.search(rf"^version: {version}$", citation, re.MULTILINE)
    changelog = (root / "CHANGELOG.md").read_text(encoding="utf-8")
    heading = rf"^## ({version} - \d{{4}}-\d\d-\d\d|Unreleased)$"
    assert re.search(heading, changelog, re.MULTILINE)
