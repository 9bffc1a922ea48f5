"""``skdse report --html``: the page has what the table has, and the spectra."""

import html
import json
import re
import sys

import numpy as np
import pytest
from commands import error, records
from numpy.testing import assert_allclose

from skdse import DiffusionSpectralEntropy
from skdse._cli import file_rows as _file_rows
from skdse._cli import report as _report
from skdse._cli.arguments import main

pytest.importorskip("plotly")


def _data(path):
    page = path.read_text(encoding="utf-8")
    return json.loads(re.search(r'id="data">(.*?)</script>', page, re.DOTALL)[1])


def test_page_of_files(folder, blobs, capsys):
    np.save("a&lt;b.npy", blobs[0][:, :2])
    files = "Z.npy", "a&lt;b.npy"
    found = records(capsys, *files, "--labels", "y.npy", "--html", "out.html")
    data = _data(folder / "out.html")
    (grid,) = data["grids"]
    assert grid["layers"] == list(files)
    assert grid["epochs"] is None
    for key in ("dse", "dsmi_share", "dsmi_wide"):
        values = [[one[key]] for one in found]
        assert_allclose(grid["values"][key], values, rtol=1e-5)
    first, second = data["spectra"]
    assert (first["layer"], second["layer"]) == files
    dse = DiffusionSpectralEntropy(random_state=0).fit(blobs[0])
    times, entropy, *_ = first["curve"]
    assert_allclose(entropy, dse.entropy_curve(times), rtol=1e-4, atol=1e-6)
    page = (folder / "out.html").read_text(encoding="utf-8")
    assert "a&lt;b" not in page
    text = html.unescape(re.sub(r"<[^>]*>", " ", page))
    assert " files  Z.npy, a&lt;b.npy " in text
    assert " labels  y.npy " in text
    assert "DiffusionSpectralEntropy(random_state=0)" in text


def test_page_of_the_digits(tmp_path, capsys):
    found = records(capsys, "--html", str(tmp_path / "out.html"))
    data = _data(tmp_path / "out.html")
    (grid,) = data["grids"]
    assert grid["layers"] == ["right", "permuted"]
    assert grid["epochs"] == [0, 1, 3, 10, 30]
    for key in ("dsmi_share", "dsmi_wide"):
        values = [one[key] for one in found]
        assert_allclose(np.ravel(grid["values"][key]), values, rtol=1e-5)
    assert data["shown"] == ["dse", "dsmi_share", "dsmi_wide"]
    assert data["plane"] == ["dse", "dsmi_wide"]
    assert data["network"] == ["test_accuracy"]
    units = [data["measures"][key]["unit"] for key in data["shown"]]
    assert units == ["bits", "", "bits"]
    assert [one["layer"] for one in data["spectra"]] == ["right", "permuted"]
    page = (tmp_path / "out.html").read_text(encoding="utf-8")
    assert "Perceptron 64-64-32-10 in training on half of the bundled digits" in page
    assert "At epoch 30" in page


@pytest.mark.parametrize("ways", [[], ["--n-jobs", "2"]])
def test_rows_of_a_file_of_results_have_no_spectra(folder, capsys, ways):
    np.save("first.npy", np.load("Z.npy"))
    records(capsys, "first.npy", "--out", "rows.csv")
    both = "first.npy", "Z.npy"
    records(capsys, *both, "--out", "rows.csv", "--html", "out.html", *ways)
    data = _data(folder / "out.html")
    assert data["grids"][0]["layers"] == list(both)
    assert [one["layer"] for one in data["spectra"]] == ["Z.npy"]
    assert "1 of 2" in (folder / "out.html").read_text(encoding="utf-8")
    records(capsys, *both, "--out", "rows.csv", "--html", "out.html", *ways)
    assert _data(folder / "out.html")["spectra"] == []


def test_shares_are_called_so(folder, capsys):
    (found,) = records(capsys, "Z.npy", "--normalize", "--html", "out.html")
    data = _data(folder / "out.html")
    assert data["measures"]["dse"]["unit"] == "share"
    (one,) = data["spectra"]
    assert one["unit"] == "share of log2(n)"
    assert one["curve"][1][0] == pytest.approx(found["dse"], rel=1e-5)


def test_an_interruption_leaves_a_page_of_what_is_done(folder, monkeypatch, capsys):
    np.save("second.npy", np.load("Z.npy"))
    measure = _report.measure

    def measure_one(name, *arguments):
        if name == "second.npy":
            raise KeyboardInterrupt
        return measure(name, *arguments)

    monkeypatch.setattr(_file_rows, "measure", measure_one)
    with pytest.raises(SystemExit):
        main(["report", "Z.npy", "second.npy", "--html", "out.html"])
    assert _data(folder / "out.html")["grids"][0]["layers"] == ["Z.npy"]


@pytest.mark.parametrize(
    ("path", "message"),
    [
        ("out.pdf", "out.pdf: path must end in .html or .htm; got 'out.pdf'."),
        ("no/a.html", "no/a.html: path must be in a folder that exists; got"),
    ],
)
def test_pages_that_cannot_be_written(folder, capsys, monkeypatch, path, message):
    monkeypatch.setattr(_file_rows, "measure", None)  # told before any work
    assert message in error(capsys, "Z.npy", "--html", path)


def test_without_plotly(folder, capsys, monkeypatch):
    from skdse.reporting import _page

    _page._plotly.cache_clear()
    monkeypatch.setitem(sys.modules, "plotly.offline", None)
    monkeypatch.setattr(_file_rows, "measure", None)
    message = error(capsys, "Z.npy", "--html", "out.html")
    assert message == '--html needs an optional package: pip install "skdse[report]".'
