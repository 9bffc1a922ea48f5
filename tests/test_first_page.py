"""README and landing page: their figures are measured, their links lead somewhere."""

import importlib.util
import re

import numpy as np
import pytest
from evidence import ROOT, rows_of, seconds_of
from scipy.stats import entropy

from skdse._cli.digits import halves

PAGES = ("README.md", "doc/index.rst")


def _text(page):
    """Page on one line."""
    return " ".join((ROOT / page).read_text(encoding="utf-8").split())


def _of_speed():
    parts = {
        "DSE of 10,000 MNIST images takes {} s, with dse-dsmi of the paper's authors "
        "{} s.": "dse_mnist_10000",
        "DSMI of 10,000 samples of 768 features takes {} s, with dse-dsmi {} "
        "s.": "dsmi_default_768",
    }
    for sentence, job in parts.items():
        yield sentence.format(*(seconds_of(job, by) for by in ("skdse", "dse-dsmi")))


def _of_size():
    largest = max(
        rows_of("doc/benchmarks/millions.csv"), key=lambda one: int(one["n_samples"])
    )
    assert largest["job"] == "ring lattice in files"  # a graph
    n, seconds = int(largest["n_samples"]), float(largest["seconds"])
    yield f"{n:,} samples, as a graph in files: {seconds:.0f} s on two cores."


def _of_errors():
    rows = rows_of("doc/benchmarks/calibration.csv")
    within = [abs(float(one["error"])) <= 2 * float(one["std_error"]) for one in rows]
    yield (
        f"Of {len(rows)} random problems, {sum(within)} had an error below two "
        "standard errors."
    )


def _of_defaults():
    mnist, cifar10 = (
        len(rows_of(f"doc/studies/results/scores_{one}.csv"))
        for one in ("mnist", "cifar10")
    )
    yield (
        f"Chosen on {mnist} representations of MNIST, tried again on {cifar10} of "
        "CIFAR-10."
    )


@pytest.mark.parametrize("page", PAGES)
def test_facts_are_measured(page):
    text = _text(page)
    for facts in (_of_speed, _of_size, _of_errors, _of_defaults):
        for fact in facts():
            assert fact in text


@pytest.mark.parametrize("page", PAGES)
def test_no_other_figure_is_quoted(page):
    # A row of each table of facts: text, and what of it is tested above.
    lines = (ROOT / page).read_text(encoding="utf-8").partition("Why skdse")[2]
    table = " ".join(lines.partition("grid::")[0].partition("Liao et al.")[0].split())
    for facts in (_of_speed, _of_size, _of_errors, _of_defaults):
        for fact in facts():
            table = table.replace(fact, "")
    assert re.findall(r"\d+", re.sub(r":widths: [\d ]+", "", table)) == []


def test_both_pages_state_the_same_facts():
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| ([A-Z][\w ]+) \| (.+?) \| \[", readme, re.MULTILINE)
    assert len(rows) == 6
    for title, fact in rows:
        assert f"* - {title} - {fact} - :" in _text("doc/index.rst")


@pytest.mark.parametrize("page", PAGES)
def test_frameworks_have_their_adapters(page):
    (names,) = re.findall(
        r"scikit-learn, PyTorch, skorch, (.+?) and Dask\.", _text(page)
    )
    for name in names.split(", "):
        module = f"skdse.integrations.{name.lower()}"
        assert importlib.util.find_spec(module) is not None


def test_links_of_the_readme_lead_to_files():
    links = re.findall(r"\]\(([^)]+)\)", _text("README.md"))
    inside = [link for link in links if not link.startswith("https://")]
    assert len(inside) > 15
    assert [link for link in inside if not (ROOT / link).exists()] == []


def test_forms_in_words_are_those_of_the_table():
    # The rows of training with right labels, as the figure begins and ends.
    (_, *first), (accuracy, *last) = (
        re.search(
            rf"right +{epoch} +(\S+) +\S+ +(\S+) +\S+ +(\S+)", _text("README.md")
        ).groups()
        for epoch in (0, 30)
    )
    (share_0, wide_0), (share, wide) = (
        [f"{float(one):.2f}" for one in forms] for forms in (first, last)
    )
    percent = f"{float(share) * 100:.0f} %"
    of_labels = entropy(np.bincount(halves()[3]), base=2)
    for page in PAGES:
        text = _text(page)
        assert f"accuracy rises from 0.10 to {float(accuracy):.2f}, DSMI share" in text
        assert f"share from {share_0} to {share} and" in text
        assert f"wide from {wide_0} to {wide} bits;" in text
        assert f"DSMI share = {share}: among" in text
        assert f"the entropy is {percent} lower" in text
        fewer = f"lower by {wide} bits, as of {2 ** float(wide):.1f} times fewer states"
        assert f"DSMI wide = {wide} bits: at its scale, the entropy is {fewer}" in text
        assert f"entropy of the labels, for ten digits about {of_labels:.2f} b" in text


FORMS = {  # where a form stands in the results of the studies
    "DSMI share": ("share", "adaptive k=10 sqeuclidean", " (share)"),
    "DSMI wide": ("bits", "adaptive k=5 ×2 sqeuclidean", ""),
    "default": ("bits", "adaptive k=5 sqeuclidean", ""),
}


def _row_of_guide(title):
    """Numbers of a row of the guide's table of how good the forms are."""
    text = _text("doc/guide/mutual_information.rst")
    numbers = re.search(re.escape(f"* - {title} ") + r"- (\S+) - (\S+) - (\S+)", text)
    return [float(one) for one in numbers.groups()]


def test_the_guide_says_how_good_the_forms_are():
    best = rows_of("doc/studies/results/headline_best.csv")
    sets = rows_of("doc/studies/results/worst_of_sets.csv")
    rows = [
        next(one for one in best if (one["form"], one["setting"]) == key)
        for key in (form[:2] for form in FORMS.values())
    ]
    columns = {
        "τ along the layers of networks on images": "layers, images",
        "τ along training": "training",
        "the same; closer accuracies count as a tie, too": "training, 2 errors",
    }
    for title, column in columns.items():
        expected = [float(one[column]) for one in rows]
        assert _row_of_guide(title) == pytest.approx(expected, abs=0.0051)
    title = (
        "largest loss of correlation with the probe, against the default, over 119 "
        "representations of MNIST and as many of CIFAR-10"
    )
    assert _row_of_guide(title) == pytest.approx(
        [-float(one["lost"]) for one in rows], abs=0.0051
    )
    names = [f"DSMI(Z;Y) {setting}{unit}" for _, setting, unit in FORMS.values()]
    worst = [
        float(next(one["worst"] for one in sets if one["score"] == name))
        for name in names
    ]
    title = "smallest correlation over all five sets of representations"
    assert _row_of_guide(title) == pytest.approx(worst, abs=0.0051)
