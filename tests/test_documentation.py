"""The documentation leaves nothing out: objects, examples, pages."""

import importlib
import inspect
import re
import sys
from pathlib import Path

import pytest
from test_docstrings import PUBLIC_MODULES

DOC = Path(__file__).parent.parent / "doc"
ADAPTERS = ("anndata", "keras", "lightning", "torchmetrics", "transformers")
sys.path.insert(0, str(DOC / "_extensions"))
gallery, llms = map(importlib.import_module, ("gallery", "llms"))
entries, make_text = llms.entries, llms.make_text
EXAMPLES = sorted((DOC / "examples").glob("*/plot_*.py"))


def test_api_reference_has_every_public_object():
    public = {
        (name, member)
        for name in PUBLIC_MODULES
        for member in importlib.import_module(name).__all__
        if not member.startswith("__")
    }
    listed = list(entries(DOC / "api" / "index.rst", "autosummary"))
    adapters = [one for one in listed if one[0].startswith("skdse.integrations.")]
    assert {module.rpartition(".")[2] for module, _ in adapters} == set(ADAPTERS)
    # Their own tests see to names, where their packages are installed.
    listed = [one for one in listed if one not in adapters]
    assert len(listed) == len(set(listed))
    assert set(listed) == public


@pytest.mark.parametrize("folder", ["guide", "studies"])
def test_every_page_is_in_a_table_of_contents(folder):
    pages = {path.stem for path in (DOC / folder).glob("*.rst")} - {"index"}
    assert pages == {page for _, page in entries(DOC / folder / "index.rst", "toctree")}


def test_gallery_is_ordered_by_topic():
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


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_example_has_title_introduction_and_figure(path):
    text = path.read_text(encoding="utf-8")
    title, underline, introduction = re.match(
        r'"""\n(.+)\n(=+)\n\n(.+?)\n"""', text, re.DOTALL
    ).groups()
    assert len(title) == len(underline)
    assert len(introduction) > 60
    assert "plt.show()" in text or ".plot(" in text or "from_" in text


# llms.txt
# --------


def test_llms_txt_has_every_public_object_with_its_summary():
    lines = re.findall(r"^- \[(.+)\]\((.+)\): (.+)$", make_text(), re.MULTILINE)
    summaries = {name: summary.replace("`", "") for name, _, summary in lines}
    for module in PUBLIC_MODULES:
        for member in importlib.import_module(module).__all__:
            if not member.startswith("__"):
                one = getattr(importlib.import_module(module), member)
                first = inspect.getdoc(one).partition("\n")[0]
                bare = re.sub(r":\w+:`([^`]+)`", r"\1", first).replace("`", "")
                assert summaries.pop(f"{module}.{member}") == bare
    assert {name.split(".")[2] for name in summaries} == set(ADAPTERS)
    assert all(summary.endswith(".") for summary in summaries.values())


def test_llms_txt_begins_as_its_format_wants():
    first, summary, *_ = make_text().split("\n\n")
    assert first == "# skdse"
    assert summary.startswith("> ")


def test_links_of_llms_txt_lead_to_pages():
    text = make_text()
    pages = re.findall(r"\]\((.+)\.html\)", text)
    sources = [page for page in pages if not page.startswith("api/generated/")]
    assert len(sources) > 20
    assert [page for page in sources if not (DOC / f"{page}.rst").exists()] == []
    objects = re.findall(r"\[(.+)\]\(api/generated/(.+)\.html\)", text)
    assert all(name == page for name, page in objects)
