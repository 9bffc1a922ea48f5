"""The documentation leaves nothing out: objects, examples, pages."""

import importlib
import re
import sys
from pathlib import Path

import pytest
from test_docstrings import PUBLIC_MODULES

DOC = Path(__file__).parent.parent / "doc"
ADAPTERS = ("anndata", "keras", "lightning", "torchmetrics", "transformers")
EXAMPLES = sorted((DOC / "examples").glob("*/plot_*.py"))


def _entries(path, directive):
    """What stands in the directives of a page, (module or None, entry) each."""
    module, inside = None, False
    for line in path.read_text(encoding="utf-8").splitlines():
        if line.startswith(".. currentmodule::"):
            module = line.split("::")[1].strip()
        elif line.startswith(".. "):
            inside = line.startswith(f".. {directive}::")
        elif inside and line.startswith("   ") and not line.strip().startswith(":"):
            yield module, line.strip()


def test_api_reference_has_every_public_object():
    public = {
        (name, member)
        for name in PUBLIC_MODULES
        for member in importlib.import_module(name).__all__
        if not member.startswith("__")
    }
    listed = list(_entries(DOC / "api" / "index.rst", "autosummary"))
    adapters = [one for one in listed if one[0].startswith("skdse.integrations.")]
    assert {module.rpartition(".")[2] for module, _ in adapters} == set(ADAPTERS)
    # Their own tests see to names, where their packages are installed.
    listed = [one for one in listed if one not in adapters]
    assert len(listed) == len(set(listed))
    assert set(listed) == public


@pytest.mark.parametrize("folder", ["guide", "studies"])
def test_every_page_is_in_a_table_of_contents(folder):
    pages = {path.stem for path in (DOC / folder).glob("*.rst")} - {"index"}
    assert pages == {
        page for _, page in _entries(DOC / folder / "index.rst", "toctree")
    }


def test_gallery_is_ordered_by_topic(monkeypatch):
    monkeypatch.syspath_prepend(str(DOC / "_extensions"))
    gallery = importlib.import_module("gallery")
    sections = {
        section: [f"plot_{name}.py" for name in names]
        for section, names in gallery.SECTIONS.items()
    }
    found = {section: [] for section in sections}
    for path in EXAMPLES:
        found[path.parent.name].append(path.name)
    assert len(EXAMPLES) >= 12
    assert {section: sorted(names) for section, names in sections.items()} == found
    for names in sections.values():
        assert sorted(names, key=gallery.topic_key) == names
    sys.modules.pop("gallery")


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_example_has_title_introduction_and_figure(path):
    text = path.read_text(encoding="utf-8")
    title, underline, introduction = re.match(
        r'"""\n(.+)\n(=+)\n\n(.+?)\n"""', text, re.DOTALL
    ).groups()
    assert len(title) == len(underline)
    assert len(introduction) > 60
    assert "plt.show()" in text or ".plot(" in text or "from_" in text
