"""The report: what stands in its page, and what never does."""

import html
import json
import re
import sys
import tempfile
import webbrowser

import numpy as np
import pandas as pd
import polars as pl
import pytest
from frames import HOSTILE, LAYERS, data_of, make_records, rows_of, texts_of
from numpy.testing import assert_allclose

from skdse import DiffusionSpectralEntropy, ShannonEntropy
from skdse.reporting import RepresentationReport
from skdse.reporting._page import ENDINGS, as_json

pytest.importorskip("plotly")

# What is told of 2 MB of plotly is told once.
LARGEST = 5_000_000


@pytest.fixture(scope="module")
def dse():
    """Entropy of 300 samples."""
    X = np.random.default_rng(0).normal(size=(300, 5))
    return DiffusionSpectralEntropy(random_state=0).fit(X)


@pytest.fixture(scope="module")
def page(dse):
    """Page of four epochs of three layers, of which one has a spectrum."""
    return RepresentationReport(
        make_records(),
        spectra={"encoder.0": dse},
        settings={"path": "/data/<run>.csv", "measure": dse},
        notes=f"A note of {HOSTILE}",
        title=f"Title of {HOSTILE}",
    ).html()


# What is in the page


def test_values_and_errors_are_those_of_the_records(page):
    records, data = make_records(), data_of(page)
    (grid,) = data["grids"]
    assert grid["layers"] == LAYERS
    assert grid["epochs"] == [0, 1, 2, 3]
    for one in records:
        i, j = LAYERS.index(one["layer"]), one["epoch"]
        assert grid["values"]["dse"][i][j] == one["dse"]
        assert grid["errors"]["dse"][i][j] == 0.0625
        assert grid["values"]["dsmi"][i][j] == one["dsmi"]
        assert grid["errors"]["dsmi"][i][j] is None
        assert grid["values"]["accuracy"][i][j] == one["accuracy"]
    assert data["measures"]["dse"] == {"title": "DSE", "unit": "bits"}
    assert data["measures"]["accuracy"] == {"title": "accuracy", "unit": ""}
    assert data["shown"] == ["dse", "dsmi"]
    assert data["plane"] == ["dse", "dsmi"]


def test_curve_and_spectrum_are_those_of_the_estimator(page, dse):
    (one,) = data_of(page)["spectra"]
    times, entropy, lower, upper = one["curve"]
    assert one["layer"] == "encoder.0"
    assert times[0] == 1
    assert times[-1] == 100
    assert_allclose(entropy, dse.entropy_curve(times), rtol=1e-4, atol=1e-6)
    assert entropy[0] == pytest.approx(dse.entropy_, rel=1e-5)
    assert lower == entropy == upper  # of all eigenvalues
    ranks, moduli = one["known"]
    known = np.abs(dse.eigenvalues_)[np.array(ranks) - 1]
    assert_allclose(moduli, known, rtol=1e-5)
    assert ranks[0] == 1
    assert len(ranks) <= 100
    assert known.sum() > 0.1 * np.abs(dse.eigenvalues_).sum()
    auto = DiffusionSpectralEntropy(t="auto", random_state=0)
    auto.fit(np.random.default_rng(0).normal(size=(300, 5)))
    assert one["knee"] == pytest.approx([auto.t_, auto.entropy_], rel=1e-4)


@pytest.mark.parametrize(("solver", "key"), [("lanczos", "rest"), ("arpack", "bounds")])
def test_spectra_that_are_known_in_part(solver, key):
    X = np.random.default_rng(0).normal(size=(300, 5))
    dse = DiffusionSpectralEntropy(eigen_solver=solver, tol=0.05, random_state=0)
    report = RepresentationReport(make_records(), spectra={"encoder.0": dse.fit(X)})
    (one,) = data_of(report.html())["spectra"]
    assert one["certified"] == (solver == "arpack")
    assert one["n_samples"] == 300
    ranks, *moduli = one[key]
    assert len(moduli) == (1 if key == "rest" else 2)
    assert ranks == sorted(ranks)
    assert len(ranks) <= 100
    exact = DiffusionSpectralEntropy(eigen_solver="dense").fit(X)
    moduli_there = np.interp(ranks, np.arange(1, 301), np.abs(exact.eigenvalues_))
    if key == "bounds":
        assert np.all(np.array(moduli[0]) <= np.maximum(moduli_there, moduli[0][-1]))
        assert np.all(np.array(moduli[1]) >= moduli_there * (1 - 1e-4))
    entropy, lower, upper = one["curve"][1:]
    assert np.all(np.array(lower) <= entropy)
    assert np.all(np.array(entropy) <= upper)


def test_table_has_a_row_for_each_record(page):
    headings, *rows = rows_of(page)
    assert headings == [
        *("epoch", "layer", "samples", "features", "DSE [bits]", "± s.e. of DSE"),
        *("DSMI(Z;Y) [bits]", "± s.e. of DSMI(Z;Y)", "accuracy", "seconds"),
    ]
    assert len(rows) == 12
    first = ["0", "encoder.0", "500", "64", "6.1250", "0.0625", "0.5000", "–", "0"]
    assert rows[0] == [*first, "0.5000"]
    assert html.unescape(rows[2][1]) == HOSTILE
    assert "0123456789ab" not in page


def test_top_settings_and_versions(page):
    text = html.unescape(texts_of(page))
    for words in (
        "layers  3",
        "epochs  0–3",
        "samples  500",
        "accuracy  0.000 → 0.750",
    ):
        assert words in re.sub(r"[ \n]{2,}", "  ", text)
    assert "/data/<run>.csv" in text
    assert "DiffusionSpectralEntropy(random_state=0)" in text
    for name in ("skdse", "numpy", "python", "plotly"):
        assert f" {name} " in text
    assert "not installed" not in text


def test_runs_have_a_grid_each_and_one_of_their_means():
    report = RepresentationReport(make_records(runs=("a", "b", "c")))
    mean, *runs = data_of(report.html())["grids"]
    assert [one["run"] for one in runs] == ["a", "b", "c"]
    assert mean["run"] == "mean of 3 runs"
    assert mean["error"] == "standard deviation over runs"
    assert runs[0]["error"] == "standard error"
    # 6.125 + r for r = 0, 1, 2: the mean is 7.125, the standard deviation 1.
    assert [one["values"]["dse"][0][0] for one in runs] == [6.125, 7.125, 8.125]
    assert mean["values"]["dse"][0][0] == 7.125
    assert mean["errors"]["dse"][0][0] == 1
    assert rows_of(report.html())[0][0] == "run"


def test_runs_may_have_other_layers_and_epochs():
    records = [
        *make_records(("a",), ["x", "y"], [0, 2]),
        *make_records(("b",), ["y", "z"], [2, 4]),
    ]
    mean, a, b = data_of(RepresentationReport(records).html())["grids"]
    assert (a["layers"], b["layers"]) == (["x", "y"], ["y", "z"])
    assert (a["epochs"], b["epochs"]) == ([0, 2], [2, 4])
    assert (mean["layers"], mean["epochs"]) == (["x", "y", "z"], [0, 2, 4])
    # x has no third epoch; y has it in b; at the second, y is in both.
    assert mean["values"]["dse"][0] == [6.125, 5.625, None]
    assert mean["values"]["dse"][1] == [5.125, (4.625 + 5.625) / 2, 5.125]


def test_values_that_are_missing():
    records = make_records()
    records[1] |= {"dse": np.nan, "dse_std_error": None}
    page = RepresentationReport(records).html()
    (grid,) = data_of(page)["grids"]
    assert grid["values"]["dse"][1][0] is None
    assert grid["errors"]["dse"][1][0] is None
    assert rows_of(page)[2][4:6] == ["–", "–"]


@pytest.mark.parametrize("value", [np.nan, np.inf, None])
def test_a_measure_without_any_value(value):
    page = RepresentationReport(make_records(dse=value, accuracy=value)).html()
    (grid,) = data_of(page)["grids"]
    assert grid["values"]["dse"] == [[None] * 4] * 3


def test_one_measure_has_no_plane():
    page = RepresentationReport({"layer": ["a", "b"], "dse": [1.0, 2.0]}).html()
    data = data_of(page)
    assert data["plane"] == []
    assert data["grids"][0]["epochs"] is None
    assert 'id="plane"' not in page
    assert 'id="curves"' not in page


def test_measures_of_names_of_your_own():
    frame = {"layer": ["a"], "mine": [1.0], "mine_std_error": [0.5], "other": [2.0]}
    data = data_of(RepresentationReport(frame, unit={"mine": "share"}).html())
    assert data["shown"] == ["mine"]
    assert data["measures"] == {"mine": {"title": "mine", "unit": "share"}}
    data = data_of(RepresentationReport(frame, measures=["other", "mine"]).html())
    assert data["plane"] == ["other", "mine"]
    assert data["measures"]["mine"]["unit"] == ""


def test_signs_of_collapse_are_drawn():
    records = make_records(feature_rank=3.5, feature_spread=0.5)
    shown = data_of(RepresentationReport(records).html())["shown"]
    assert shown == ["dse", "dsmi", "feature_rank", "feature_spread"]


@pytest.mark.parametrize("make", [pd.DataFrame, pl.DataFrame, lambda records: records])
def test_frames_of_any_kind(make):
    page = RepresentationReport(make(make_records())).html()
    expected = RepresentationReport(make_records()).html()
    assert data_of(page) == data_of(expected)
    assert rows_of(page) == rows_of(expected)


def test_the_file_of_a_run_without_a_name(tmp_path):
    pd.DataFrame(make_records()).to_csv(tmp_path / "run.csv", index=False)
    page = RepresentationReport(pd.read_csv(tmp_path / "run.csv")).html()
    assert [one["run"] for one in data_of(page)["grids"]] == [""]
    assert rows_of(page)[0][0] == "epoch"


def test_names_that_stand_twice():
    frame = {"name": ["Z.npy", "Z.npy"], "dse": [1.0, 2.0]}
    (grid,) = data_of(RepresentationReport(frame, name="name").html())["grids"]
    assert grid["layers"] == ["Z.npy", "Z.npy (2)"]
    assert grid["values"]["dse"] == [[1], [2]]


# Safe, small, offline


def test_what_users_write_is_text_alone(page):
    # Five scripts: plotly, data, ours; none of the names, the title and the notes.
    assert re.findall(r"<script\b", page) == ["<script"] * 3
    assert "<b>bold" not in page
    assert page.count("hacked") >= 10
    data = re.search(r'id="data">(.*?)</script>', page, re.DOTALL)[1]
    assert not set("<>&") & set(data)
    assert html.unescape(re.search("<title>(.*?)</title>", page)[1]) == (
        f"Title of {HOSTILE}"
    )


def test_placeholders_in_names_stay():
    frame = {"layer": ["{{plotly}}", "{{css}}"], "dse": [1.0, 2.0]}
    page = RepresentationReport(frame, title="{{js}}").html()
    assert "<title>{{js}}</title>" in page
    assert data_of(page)["grids"][0]["layers"] == ["{{plotly}}", "{{css}}"]


def test_page_forbids_itself_to_load(page):
    policy = re.search('Content-Security-Policy" content="(.*?)"', page)[1]
    assert policy.startswith("default-src 'none'; ")
    nonce = re.search("script-src 'nonce-(.*?)'", policy)[1]
    assert page.count(f'<script nonce="{nonce}">') == 1
    assert (
        nonce
        != re.search(
            "nonce-(.*?)'", RepresentationReport(make_records(epochs=[0])).html()
        )[1]
    )
    outside = re.sub(r'id="plotly">.*?</script>', "", page, flags=re.DOTALL)
    assert "http:" not in outside
    assert "https:" not in outside
    assert not re.search(r'(src|href)="(?!data:,")', outside)


def test_plotly_is_in_the_page_once(page):
    assert len(re.findall("H4sI", page)) == 1  # how gzip begins, in base64
    assert len(page.encode()) < LARGEST / 2


def test_page_is_the_same_each_time(dse):
    report = RepresentationReport(make_records(), spectra={"encoder.0": dse})
    assert report.html() == report.html()


@pytest.mark.parametrize(
    ("layers", "epochs", "kept"), [(12, 3000, 2500), (20_000, 3, 1)]
)
def test_page_stays_small(layers, epochs, kept, dse):
    names = [f"layer {i}" for i in range(layers)]
    n = layers * epochs
    numbers = np.random.default_rng(0).normal(size=(4, n))
    frame = {
        "epoch": np.repeat(np.arange(epochs), layers),
        "layer": names * epochs,
        **dict(zip(("dse", "dse_std_error", "mine", "dsmi"), numbers, strict=True)),
    }
    report = RepresentationReport(frame, spectra=dict.fromkeys(names, dse))
    page = report.html()
    assert len(page.encode()) < LARGEST
    data = data_of(page)
    (grid,) = data["grids"]
    values = np.reshape(numbers[0], (epochs, layers)).T
    assert len(grid["epochs"]) == len(grid["values"]["dse"][0])
    assert grid["epochs"][-1] == epochs - 1
    assert len(grid["epochs"]) <= kept
    assert f"{len(grid['epochs'])} of {epochs} epochs are drawn" in page
    shown = values[:, grid["epochs"]]
    assert_allclose(grid["values"]["dse"], shown, rtol=1e-5)
    assert len(data["spectra"]) == min(layers, 60)
    rows = rows_of(page)[1:]
    assert f"the last {len(rows)} of {n} rows" in page
    assert rows[-1][:2] == [str(epochs - 1), names[-1]]


def test_no_activations_are_in_the_page():
    # Columns that are not a text or a number in each row, arrays among the settings,
    # samples of the estimators: shapes at most.
    X = np.random.default_rng(0).normal(size=(200, 7)) + 1234.5
    dse = DiffusionSpectralEntropy(bandwidth="adaptive", random_state=0).fit(X)
    frame = {
        "layer": ["a", "b"],
        "dse": [1.0, 2.0],
        "Z": np.array([X[:100].ravel(), X[100:].ravel()]),
        "lists": np.array([X[0].tolist(), None], dtype=object),
    }
    settings = {"Z": X, "by layer": {"a": X}}
    report = RepresentationReport(frame, spectra={"a": dse}, settings=settings)
    page = report.html()
    assert rows_of(page)[0] == ["layer", "DSE [bits]"]
    assert "ndarray of shape (200, 7), float64" in page
    for value in X.ravel():
        assert f"{value:.6g}" not in page
    larger = DiffusionSpectralEntropy(random_state=0).fit(np.tile(X, (4, 30)))
    other = RepresentationReport(frame, spectra={"a": larger}, settings=settings)
    assert abs(len(other.html()) - len(page)) < 2000


# Files, browsers, notebooks


@pytest.mark.parametrize("kind", [str, lambda path: path])
def test_write_html(tmp_path, kind):
    report = RepresentationReport(make_records())
    assert report.write_html(kind(tmp_path / "out.html")) is None
    report.write_html(kind(tmp_path / "out.html"))  # replaces it
    assert (tmp_path / "out.html").read_text(encoding="utf-8") == report.html()


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("out.csv", "path must end in .html or .htm; got '.*out.csv'"),
        ("out", "path must end in"),
        ("no/out.html", "path must be in a folder that exists; got '.*out.html'"),
    ],
)
def test_paths_that_cannot_be(tmp_path, name, message):
    report = RepresentationReport(make_records())
    with pytest.raises(ValueError, match=message):
        report.write_html(tmp_path / name)
    assert list(tmp_path.iterdir()) == []
    assert ENDINGS == (".html", ".htm")


def test_open(monkeypatch, tmp_path):
    seen = []
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    monkeypatch.setattr(webbrowser, "open", lambda url: seen.append(url) or True)
    report = RepresentationReport(make_records())
    report.open()
    (url,) = seen
    (path,) = tmp_path.glob("*/report.html")
    assert url == path.as_uri()
    assert path.read_text(encoding="utf-8") == report.html()
    monkeypatch.setattr(webbrowser, "open", lambda url: False)
    with pytest.raises(RuntimeError, match="no web browser was found"):
        report.open()


def test_notebooks_show_the_page_in_a_frame():
    report = RepresentationReport(make_records(), title="Mine")
    frame = report._repr_html_()
    assert html.unescape(re.search('srcdoc="(.*?)"', frame, re.DOTALL)[1]) == (
        report.html()
    )
    assert 'sandbox="allow-scripts allow-downloads"' in frame
    assert repr(report) == (
        "RepresentationReport('Mine'): html(), write_html(path) and open() show it."
    )


def test_without_plotly(monkeypatch, tmp_path):
    from skdse.reporting import _page

    _page._plotly.cache_clear()
    monkeypatch.setitem(sys.modules, "plotly.offline", None)
    report = RepresentationReport(make_records())
    with pytest.raises(ImportError, match=r"pip install 'skdse\[report\]'"):
        report.html()
    with pytest.raises(ImportError, match="plotly"):
        report.write_html(tmp_path / "out.html")
    assert list(tmp_path.iterdir()) == []


# What cannot be reported


@pytest.mark.parametrize(
    ("frame", "options", "error", "message"),
    [
        ([], {}, ValueError, "frame has no rows"),
        ({"layer": [], "dse": []}, {}, ValueError, "frame has no rows"),
        (3, {}, TypeError, "frame must be a DataFrame.*got int"),
        (ShannonEntropy(), {}, TypeError, "from_tracker makes the report"),
        ({"dse": [1.0]}, {}, ValueError, "name must be among the columns.*'layer'"),
        ({"layer": ["a"]}, {}, ValueError, "none of the measures"),
        (
            {"layer": ["a"], "dse": ["high"]},
            {},
            ValueError,
            "column 'dse' of frame must have numbers alone; could not",
        ),
        (
            {"layer": ["a"], "dse": [1.0], "epoch": ["last"]},
            {},
            ValueError,
            "column 'epoch' of frame must have numbers",
        ),
        (
            {"layer": ["a", "b"], "dse": [1.0, 2.0], "epoch": [0, None]},
            {},
            ValueError,
            "frame must have an epoch in each row; in row 1 it is missing",
        ),
        (
            {"layer": ["a", "b"], "dse": [1.0]},
            {},
            ValueError,
            "columns of frame must be of one length; got {'layer': 2, 'dse': 1}",
        ),
        (make_records(), {"measures": "nope"}, ValueError, "got 'nope'"),
        (make_records(), {"spectra": [1]}, TypeError, "spectra must be a mapping"),
        (
            make_records(),
            {"spectra": {"a": DiffusionSpectralEntropy()}},
            TypeError,
            r"spectra\['a'\] must be a fitted DiffusionSpectralEntropy; got Diff",
        ),
        (make_records(), {"settings": 3}, TypeError, "settings must be a mapping"),
    ],
)
def test_what_cannot_be_reported(frame, options, error, message):
    with pytest.raises(error, match=message):
        RepresentationReport(frame, **options)


def test_json_has_no_sign_of_html_and_no_nan():
    data = {"a": [np.nan, np.inf, 1 / 3, 2.0, np.float32(0.5), True, None, "</é&>"]}
    text = as_json(data)
    assert "<" not in text
    assert json.loads(text) == {
        "a": [None, None, 0.333333, 2, 0.5, True, None, "</é&>"]
    }
