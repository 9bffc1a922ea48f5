"""The draft of a paper: its figures are measured, its references there."""

import re

import pytest
from evidence import ROOT, rows_of, seconds_of

PAPER = ROOT / "doc" / "paper"
TEXT = (PAPER / "paper.md").read_text(encoding="utf-8")
# Without comments, and on one line.
PROSE = " ".join(re.sub(r"<!--.*?-->", "", TEXT, flags=re.DOTALL).split())


@pytest.mark.parametrize(
    ("job", "sentence"),
    [
        ("dse_10000", "takes {skdse} s where the authors' package takes {peer} s"),
        ("dsmi_mnist_60000", "of MNIST {skdse} s where it takes {peer} s"),
        ("knn_1000000", "a million samples of 64 features takes {skdse} s"),
    ],
)
def test_times_are_those_of_the_benchmarks(job, sentence):
    peer = seconds_of(job, "dse-dsmi") if "{peer}" in sentence else ""
    assert sentence.format(skdse=seconds_of(job, "skdse"), peer=peer) in PROSE


def test_correlations_are_those_of_the_study():
    (row,) = [
        one
        for one in rows_of("doc/studies/results/by_probe.csv")
        if one["score"] == "DSMI(Z;Y) adaptive k=5 sqeuclidean"
    ]
    pearson, spearman = (
        row[f"linear, CIFAR-10 {one}"] for one in ("Pearson", "Spearman")
    )
    assert f"linear probe are {pearson} and {spearman}" in PROSE


def test_every_figure_is_checked():
    # Numbers with a decimal point or a unit; one that is new needs a test above.
    numbers = re.findall(r"\d+\.\d+|\d+ s\b", PROSE.partition("# Summary")[2])
    assert len(numbers) == len(set(numbers)) == 8  # with the tolerance, 0.001 bits
    for path in re.findall(r"<!-- (doc/\S+?)[: ]", TEXT):
        assert (ROOT / path).exists()


def test_references_are_cited_and_complete():
    bib = (PAPER / "paper.bib").read_text(encoding="utf-8")
    entries = dict(
        re.findall(r"^@\w+\{(\w+),\n(.*?)^\}", bib, re.DOTALL | re.MULTILINE)
    )
    assert set(re.findall(r"@([A-Z]\w+)", TEXT)) == set(entries)
    for fields in entries.values():
        names = set(re.findall(r"^  (\w+) = ", fields, re.MULTILINE))
        assert {"author", "title", "year"} <= names
        assert names & {"doi", "url"}


def test_authors_are_those_of_the_citation():
    citation = (ROOT / "CITATION.cff").read_text(encoding="utf-8")
    own = citation.partition("preferred-citation:")[0]
    authors = re.findall(r"^  - name: (.+)$", own, re.MULTILINE)
    assert authors
    assert (
        re.findall(r"^  - name: (.+)$", TEXT.split("---")[1], re.MULTILINE) == authors
    )


def test_length_is_that_of_the_journal():
    # A short paper, with the sections that reviewers look for.
    words = PROSE.partition("# Summary")[2].partition("# References")[0].split()
    assert 250 <= len(words) <= 1750
    for section in (
        "Summary",
        "Statement of need",
        "State of the field",
        "Software design",
    ):
        assert f"\n# {section}\n" in TEXT
