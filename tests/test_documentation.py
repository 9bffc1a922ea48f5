"""The documentation leaves nothing out: objects, examples, pages."""

import importlib
import inspect
import os
import re
import subprocess
import sys
import time
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


def test_thumbnail_is_the_first_panel(tmp_path):
    pyplot = pytest.importorskip("matplotlib.pyplot")
    thumbnails = importlib.import_module("thumbnails")
    figure, (left, right) = pyplot.subplots(1, 2, figsize=(9, 3), layout="constrained")
    left.set_facecolor("red")
    right.set_facecolor("lime")
    thumbnails.save_panel(figure, tmp_path / "panel.png")
    assert figure.get_size_inches().tolist() == [9, 3]
    pyplot.close(figure)
    image = pyplot.imread(tmp_path / "panel.png")[..., :3]
    assert abs(image.shape[1] - thumbnails.PIXELS) < 5
    is_red, is_lime = (
        (image == colour).all(axis=2).mean() for colour in ([1, 0, 0], [0, 1, 0])
    )
    assert is_red > 0.5
    assert is_lime < 0.01


# Cards of the findings

CONF = """
extensions = ["matplotlib.sphinxext.plot_directive", "sphinx_design", "finding"]
plot_formats = ["png"]
"""
PAGE = """
Findings
========

.. _study:

A study
-------

.. grid:: 1 1 2 2

   .. finding:: It *grows*
      :figure: growth
      :study: study

      A line that grows.
"""
FINDINGS = """Finding,Setting,The paper's claim,Measured,Verdict
It *grows* (default),"n = 2, α_ = 1",a grows with b,1 to {},confirmed
It *grows* (σ = 10),"n = 2, α_ = 1",a grows with b,|1| to 1,not confirmed
It *grows* not,n = 3,c falls,0,confirmed
"""
SCRIPT = """
import csv, matplotlib.pyplot as plt
def growth():
    with open("results/findings.csv", encoding="utf-8") as lines:
        plt.plot([len(row["Measured"]) for row in csv.DictReader(lines)])
"""


@pytest.fixture
def site(tmp_path):
    """A site with one page of a card; its build gives the page and the messages."""
    for name in ("sphinx", "sphinx_design", "matplotlib"):
        pytest.importorskip(name)
    folder = tmp_path / "site" / "studies"
    (folder / "results").mkdir(parents=True)
    (folder.parent / "conf.py").write_text(CONF)
    (folder.parent / "index.rst").write_text(
        "Site\n====\n\n.. toctree::\n\n   studies/page\n"
    )
    (folder / "page.rst").write_text(PAGE, encoding="utf-8")
    (folder / "finding_figures.py").write_text(SCRIPT)
    (folder / "small_figures.py").write_text("")
    return folder


def _built(site, value="2", page=PAGE):
    """HTML of the page, its picture and what the build complained about."""
    if page != PAGE:
        (site / "page.rst").write_text(page, encoding="utf-8")
    text = FINDINGS.format(value)
    (site / "results" / "findings.csv").write_text(text, encoding="utf-8")
    out = site.parent.parent / "out"
    command = [sys.executable, "-m", "sphinx", "-q", "-b", "html", site.parent, out]
    extensions = os.pathsep.join(
        [str(DOC / "_extensions"), os.environ.get("PYTHONPATH", "")]
    )
    environment = os.environ | {"PYTHONPATH": extensions, "MPLBACKEND": "agg"}
    done = subprocess.run(command, env=environment, capture_output=True, text=True)
    html = (out / "studies" / "page.html").read_text(encoding="utf-8")
    pictures = [path.read_bytes() for path in (out / "_images").glob("*.png")]
    return html, pictures, done.stderr


def test_card_has_claim_picture_and_verdicts_of_the_table(site):
    html, pictures, complaints = _built(site)
    assert complaints == ""
    text = re.sub(r"<[^>]+>", "", html)
    for part in (
        "It *grows*",
        "Claim: a grows with b.",
        "Verdict, default: confirmed.",
        "Verdict, σ = 10: not confirmed.",
        "Measured, default: 1 to 2.",
        "Measured, σ = 10: |1| to 1.",
        "Setting: n = 2, α_ = 1. More.",
    ):
        assert part in text
    assert "c falls" not in text
    assert 'alt="A line that grows."' in html
    assert len(pictures) == 1


def test_card_and_picture_follow_the_results(site):
    _, (before,), _ = _built(site)
    time.sleep(1.1)  # some file systems count seconds
    html, (after,), _ = _built(site, value="20000")
    assert "1 to 20000." in html
    assert after != before


def test_card_of_an_unknown_finding_is_an_error(site):
    _, pictures, complaints = _built(site, page=PAGE.replace("*grows*", "shrinks"))
    assert "findings.csv has no finding 'It shrinks'" in complaints
    assert pictures == []
