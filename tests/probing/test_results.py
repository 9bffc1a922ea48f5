"""What a tracker shows of its records: the report, and what never gets into it."""

import html
import json
import re

import numpy as np
import pytest
from numpy.testing import assert_allclose
from sklearn.base import clone
from sklearn.neural_network import MLPClassifier

from skdse import DiffusionSpectralEntropy, DiffusionSpectralMI, ShannonEntropy
from skdse.probing import RepresentationTracker, layer_activations
from skdse.reporting import RepresentationReport

pytest.importorskip("plotly")


def _data(page):
    return json.loads(re.search(r'id="data">(.*?)</script>', page, re.DOTALL)[1])


@pytest.fixture
def mlp(digits):
    """Perceptron after its first epoch."""
    mlp = MLPClassifier((8, 6), random_state=0)
    return mlp.partial_fit(*digits, classes=np.arange(10))


@pytest.fixture
def tracker(mlp, digits):
    """Tracker of two epochs."""
    tracker = RepresentationTracker(["dsmi", "dse"], X=digits[0], y=digits[1])
    for epoch in (2, 4):
        tracker(mlp.partial_fit(*digits), epoch)
    return tracker


def test_report_has_the_records(tracker):
    data = _data(tracker.to_html())
    (grid,) = data["grids"]
    assert grid["layers"] == ["hidden_1", "hidden_2", "output"]
    assert grid["epochs"] == [2, 4]
    for key in ("dse", "dsmi"):
        values = np.array([one[key] for one in tracker.records_]).reshape(2, 3).T
        assert_allclose(grid["values"][key], values, rtol=1e-5)
    errors = [one["dsmi_std_error"] for one in tracker.records_]
    assert_allclose(np.array(grid["errors"]["dsmi"]).T.ravel(), errors, rtol=1e-5)
    assert data["measures"]["dse"]["unit"] == "bits"
    assert data["network"] == ["accuracy"]


def test_spectra_are_those_of_the_last_epoch(tracker, mlp, digits):
    activations = layer_activations(mlp, digits[0])
    assert list(tracker.spectra_) == list(activations)
    found = _data(tracker.to_html())["spectra"]
    for one, (name, Z) in zip(found, activations.items(), strict=True):
        dse = DiffusionSpectralEntropy(random_state=0).fit(Z)
        assert one["layer"] == name
        assert tracker.spectra_[name].epoch == 4
        times, entropy, *_ = one["curve"]
        assert_allclose(entropy, dse.entropy_curve(times), rtol=1e-4, atol=1e-6)
        assert_allclose(one["known"][1][:3], dse.eigenvalues_[:3], rtol=1e-5)
    assert "At epoch 4." in tracker.to_html()


def test_spectra_keep_no_samples(tracker, digits):
    # Eigenvalues, as many as there are samples: 8 bytes each, and little else.
    for one in tracker.spectra_.values():
        sizes = [np.size(value) for value in vars(one.spectrum).values()]
        assert max(sizes) == len(digits[0])
    assert not hasattr(clone(tracker), "spectra_")


def test_no_activations_are_in_the_page(mlp):
    rng = np.random.default_rng(0)
    X = rng.normal(loc=1234.5, size=(120, 64))
    measures = {"dse": DiffusionSpectralEntropy(bandwidth="adaptive")}
    tracker = RepresentationTracker(measures, X=X, y=np.arange(120) % 2)
    tracker(mlp, 0)
    page = tracker.to_html()
    assert "ndarray of shape (120, 64), float64" in page
    assert "ndarray of shape (120,), int64" in page
    activations = layer_activations(mlp, X).values()
    texts = {f"{value:.6g}" for Z in (X, *activations) for value in Z.ravel()}
    texts = {text for text in texts if len(text) > 6}  # not 0, nor 1
    assert len(texts) > 1000
    assert [text for text in texts if text in page] == []
    # Of more samples and features, the page has as much to say.
    longer = RepresentationTracker(measures, X=np.tile(X, (6, 1)))
    longer(mlp, 0)
    assert abs(len(longer.to_html()) - len(page)) < 1500


def test_records_of_a_file_have_no_spectra(tracker, digits, tmp_path, mlp):
    path = tmp_path / "run.csv"
    first = clone(tracker).set_params(path=path)
    first(mlp, 0)
    again = clone(first).initialize()
    page = again.to_html()
    assert _data(page)["grids"] == _data(first.to_html())["grids"]
    assert _data(page)["spectra"] == []
    assert "not in files of records" in page
    again(mlp, 1)
    assert len(_data(again.to_html())["spectra"]) == 3


def test_start_again_without_spectra(tracker):
    tracker.initialize()
    assert tracker.spectra_ == {}


def test_layers_that_are_not_finite(digits):
    mlp = MLPClassifier((4, 3), random_state=0).partial_fit(
        *digits, classes=np.arange(10)
    )
    mlp.coefs_[1][:] = np.nan
    tracker = RepresentationTracker("dse", X=digits[0])
    with pytest.warns(UserWarning, match="not finite"):
        tracker(mlp, 0)
    assert list(tracker.spectra_) == ["hidden_1"]
    (grid,) = _data(tracker.to_html())["grids"]
    assert grid["values"]["dse"][1:] == [[None], [None]]


def test_units_of_measures_of_your_own(mlp, digits):
    measures = {
        "share": DiffusionSpectralEntropy(normalize=True),
        "dsmi": (DiffusionSpectralMI(normalize=True), "y"),
        "bits": ShannonEntropy(),
    }
    tracker = RepresentationTracker(measures, X=digits[0], y=digits[1])
    tracker(mlp, 0)
    data = _data(tracker.to_html())
    units = {key: one["unit"] for key, one in data["measures"].items()}
    assert units == {"share": "share", "dsmi": "share", "bits": "bits", "accuracy": ""}
    assert data["spectra"][0]["unit"] == "share of log2(n)"
    assert data["plane"] == ["dsmi", "share"]


def test_settings_of_the_tracker(digits, mlp, tmp_path):
    tracker = RepresentationTracker(
        "dse", X=digits[0].tolist(), run="<i>first</i>", path=tmp_path / "r.csv"
    )
    tracker.log = lambda numbers, epoch: None
    tracker(mlp, 0)
    page = tracker.to_html()
    text = html.unescape(re.sub(r"<[^>]*>", " ", page))
    assert "Representations, layer by layer: <i>first</i>" in text
    assert "<i>first" not in page
    assert f" path  {tmp_path / 'r.csv'} " in text
    assert " X  list of length 150 " in text
    assert " y  None " in text
    assert "<lambda>" in text
    assert " at 0x" not in text


def test_page_is_written(tracker, tmp_path):
    assert tracker.to_html(tmp_path / "out.html", title="Mine") is None
    text = (tmp_path / "out.html").read_text(encoding="utf-8")
    assert "<title>Mine</title>" in text
    with pytest.raises(ValueError, match="path must end in"):
        tracker.to_html(tmp_path / "out.csv")


@pytest.mark.parametrize("start", [False, True])
def test_a_tracker_that_has_measured_nothing(digits, start):
    tracker = RepresentationTracker("dse", X=digits[0])
    if start:
        tracker.initialize()
    with pytest.raises(ValueError, match=r"no records: call it .* or call initialize"):
        tracker.to_html()


def test_an_interruption_leaves_what_was_measured(tracker, mlp, monkeypatch):
    def interrupt(*args, **kwargs):
        raise KeyboardInterrupt

    before = _data(tracker.to_html())
    monkeypatch.setattr(DiffusionSpectralEntropy, "fit", interrupt)
    with pytest.raises(KeyboardInterrupt):
        tracker(mlp, 5)
    assert _data(tracker.to_html()) == before


def test_only_a_tracker_is_taken():
    with pytest.raises(TypeError, match="tracker must be a RepresentationTracker; got"):
        RepresentationReport.from_tracker([{"layer": "a", "dse": 1.0}])
