"""The tracker: records against estimators; files that resume; callbacks of skorch."""

import csv
import re
import subprocess
import sys

import numpy as np
import pytest
from numpy.testing import assert_allclose
from sklearn.base import clone
from sklearn.cluster import KMeans
from sklearn.metrics import accuracy_score
from sklearn.neural_network import MLPClassifier, MLPRegressor

from skdse import DiffusionSpectralEntropy, DiffusionSpectralMI, ShannonEntropy
from skdse.probing import RepresentationTracker, layer_activations

CLASSES = np.arange(10)


@pytest.fixture
def mlp(digits):
    """Perceptron after its first epoch."""
    return MLPClassifier((8, 6), random_state=0).partial_fit(*digits, classes=CLASSES)


def _train(tracker, digits, epochs):
    """Track a perceptron; what the tracker gives for each epoch."""
    mlp = MLPClassifier((8, 6), learning_rate_init=0.01, random_state=0)
    given = []
    for epoch in range(epochs):
        mlp.partial_fit(*digits, classes=CLASSES)
        given.append(tracker(mlp, epoch))
    return given


def _without(records, *keys):
    return [{key: one[key] for key in one if key not in keys} for one in records]


# What is measured


def test_record_is_what_the_estimators_find(mlp, digits):
    X, y = digits
    measures = {
        "dse": DiffusionSpectralEntropy(),
        "dsmi": DiffusionSpectralMI(),
        "dsmi_input": (DiffusionSpectralMI(target="continuous"), "X"),
    }
    tracker = RepresentationTracker(measures, X=X, y=y)
    records = tracker(mlp, 3)
    assert tracker.records_ == records
    activations = layer_activations(mlp, X)
    assert [one["layer"] for one in records] == list(activations)
    dsmi = DiffusionSpectralMI(random_state=0)
    for one in records:
        Z = activations[one["layer"]]
        assert (one["epoch"], one["run"]) == (3, "")
        assert (one["n_samples"], one["n_features"]) == Z.shape
        assert one["dse"] == DiffusionSpectralEntropy(random_state=0).fit(Z).entropy_
        assert one["dse_std_error"] == 0
        for key, target in (("dsmi", y), ("dsmi_input", X)):
            dsmi.fit(Z, target)
            assert_allclose(one[key], dsmi.mutual_info_, rtol=0, atol=1e-12)
            error = one[f"{key}_std_error"]
            assert_allclose(error, dsmi.mutual_info_std_error_, rtol=0, atol=1e-12)
        assert one["accuracy"] == accuracy_score(y, mlp.predict(X))
        assert one["seconds"] > 0


def test_measures_of_ones_own(mlp, digits):
    X, y = digits
    measures = {
        "share": DiffusionSpectralMI(ShannonEntropy(), n_repeats=2, normalize=True),
        "x": (DiffusionSpectralMI(target="continuous", n_groups=3), "X"),
        "shannon": ShannonEntropy(),
    }
    (record,) = RepresentationTracker(measures, 1, X, y, random_state=5)(mlp)
    Z = layer_activations(mlp, X, 1)["hidden_1"]
    share = clone(measures["share"]).set_params(random_state=5).fit(Z, y)
    x = clone(measures["x"][0]).set_params(random_state=5).fit(Z, X)
    assert_allclose(record["share"], share.mutual_info_, rtol=0, atol=1e-12)
    assert_allclose(record["x"], x.mutual_info_, rtol=0, atol=1e-12)
    assert record["shannon"] == ShannonEntropy().fit(Z).entropy_
    assert np.isnan(record["shannon_std_error"])


def test_input_is_clustered_once(mlp, digits):
    calls = []

    class Clusterer(KMeans):
        def fit_predict(self, X, y=None):
            calls.append(len(X))
            return super().fit_predict(X, y)

    dsmi = DiffusionSpectralMI(target="continuous", clusterer=Clusterer(n_clusters=4))
    tracker = RepresentationTracker({"x": (dsmi, "X")}, X=digits[0])
    for epoch in range(3):
        assert len(tracker(mlp, epoch)) == 3
    assert calls == [len(digits[0])]


def test_accuracy(mlp, digits):
    X, y = digits

    def accuracy(model, y, **params):
        tracker = RepresentationTracker("dse", 1, X, y, **params)
        return tracker(model)[0]["accuracy"]

    names = np.array(list("abcdefghij"))[y]
    named = MLPClassifier((4,)).partial_fit(X, names, classes=np.unique(names))
    assert accuracy(named, names) == accuracy_score(names, named.predict(X))
    assert accuracy(mlp, y, accuracy=lambda model, X, y: 0.25) == 0.25
    assert np.isnan(accuracy(mlp, y, accuracy=None))
    assert np.isnan(accuracy(mlp, None))
    assert np.isnan(
        accuracy(MLPRegressor(hidden_layer_sizes=(4,)).partial_fit(X, y), y)
    )


def test_epochs(mlp, digits):
    tracker = RepresentationTracker("dse", 1, digits[0], every=2)
    assert [one["epoch"] for one in tracker(mlp)] == [0]
    assert tracker(mlp, 1) == []
    known = tracker(mlp, 2)
    assert tracker(mlp, 2) == known
    assert len(tracker.records_) == 2
    # Without a number they are counted on, measured or not.
    assert tracker(mlp) == []
    assert [one["epoch"] for one in tracker(mlp)] == [4]
    with pytest.raises(ValueError, match="epoch == -1, must be >= 0"):
        tracker(mlp, -1)
    with pytest.raises(TypeError, match="epoch must be"):
        tracker(mlp, 2.5)


def test_what_is_not_finite_is_nan(mlp, digits):
    X, y = digits
    mlp.coefs_[1][0, 0] = np.nan
    tracker = RepresentationTracker(["dse", "dsmi"], "hidden_*", X, y, accuracy=None)
    with pytest.warns(UserWarning, match="layer 'hidden_2' at epoch 4 has activations"):
        first, second = tracker(mlp, 4)
    assert np.isfinite([first["dse"], first["dsmi"]]).all()
    assert np.isnan([second[key] for key in ("dse", "dse_std_error", "dsmi")]).all()


def test_errors_name_measure_layer_and_epoch(mlp, digits):
    dse = DiffusionSpectralEntropy(t=-1)
    tracker = RepresentationTracker({"bad": dse}, 1, digits[0])
    with pytest.raises(ValueError, match="t must be") as error:
        tracker(mlp, 7)
    note = "The measure 'bad' of layer 'hidden_1' at epoch 7."
    assert error.value.__notes__ == [note]


@pytest.mark.parametrize(
    ("params", "error", "message"),
    [
        ({"X": None}, ValueError, "X must be samples to show to the network; got None"),
        ({"y": [1, 2]}, ValueError, "inconsistent numbers of samples"),
        ({"every": 0}, ValueError, "every == 0, must be >= 1."),
        ({"run": 3}, TypeError, "run must be a str; got 3."),
        ({"accuracy": "top5"}, ValueError, "accuracy must be one of ['auto']"),
        ({"measures": "mi"}, ValueError, "measures must be one of ['dse', 'dsmi', "),
        ({"measures": ["dse", 1]}, ValueError, "measures must be one of"),
        ({"measures": {"epoch": ShannonEntropy()}}, ValueError, "other than ('run', "),
        (
            {"measures": {"a": ShannonEntropy}},
            TypeError,
            "measures['a'] must be a name",
        ),
        ({"measures": {"a": (ShannonEntropy(), "Z")}}, ValueError, "measures must be "),
        ({"measures": "dsmi"}, ValueError, "measure='dsmi' needs y; got y=None."),
    ],
)
def test_bad_parameters(mlp, digits, params, error, message):
    tracker = RepresentationTracker(**{"measures": "dse", "X": digits[0], **params})
    with pytest.raises(error, match=re.escape(message)):
        tracker(mlp)


def test_said_on_standard_error(mlp, digits, capsys):
    RepresentationTracker("dse", 1, digits[0], verbose=1)(mlp, 5)
    error = capsys.readouterr().err
    assert re.search(r"epoch 5: measured 1 layers in \d+\.\d s", error)


# Tables and files


def test_frame_has_the_records(digits):
    tracker = RepresentationTracker("dse", 1, *digits, run="first")
    assert tracker.to_frame().empty
    _train(tracker, digits, 2)
    frame = tracker.to_frame()
    assert frame.to_dict("records") == tracker.records_
    assert frame["run"].tolist() == ["first", "first"]


def test_missing_pandas_is_named(monkeypatch, mlp, digits):
    tracker = RepresentationTracker("dse", 1, digits[0])
    assert len(tracker(mlp)) == 1
    monkeypatch.setitem(sys.modules, "pandas", None)
    with pytest.raises(ImportError, match=re.escape("pip install 'skdse[report]'")):
        tracker.to_frame()


def test_file_has_the_records_after_each_epoch(digits, tmp_path):
    path = tmp_path / "run.csv"
    tracker = RepresentationTracker("dse", None, *digits, path=path)
    for epochs in (1, 3):
        _train(tracker, digits, epochs)
        with open(path, newline="") as file:
            rows = list(csv.DictReader(file))
        assert rows == [
            {key: str(value) for key, value in one.items()} for one in tracker.records_
        ]
    assert [one.name for one in tmp_path.iterdir()] == ["run.csv"]


def test_interrupted_run_is_resumed(digits, tmp_path):
    def new(path):
        measures = ["dse", "dsmi"]
        return RepresentationTracker(measures, "hidden_*", *digits, path=path)

    whole = new(tmp_path / "whole.csv")
    _train(whole, digits, 4)
    path = tmp_path / "interrupted.csv"
    _train(new(path), digits, 2)
    again = new(str(path))
    resumed = _train(again, digits, 4)
    assert _without(again.records_, "seconds") == _without(whole.records_, "seconds")
    # Epochs of the file were not measured again: they took the very same time.
    assert new(path).initialize().records_ == again.records_
    assert [one for epoch in resumed for one in epoch] == again.records_


def test_interruption_while_writing_leaves_the_file(digits, tmp_path, monkeypatch):
    path = tmp_path / "run.csv"
    tracker = RepresentationTracker("dse", 1, digits[0], path=path)
    _train(tracker, digits, 1)
    before = path.read_text()

    def interrupt(descriptor):
        raise KeyboardInterrupt

    monkeypatch.setattr("os.fsync", interrupt)
    with pytest.raises(KeyboardInterrupt):
        _train(tracker, digits, 2)
    assert path.read_text() == before
    assert [one.name for one in tmp_path.iterdir()] == ["run.csv"]


def test_runs_share_a_file(digits, tmp_path):
    path = tmp_path / "runs.csv"
    for run, measure in (("a", "dse"), ("b", "dsmi"), ("a", "dse")):
        tracker = RepresentationTracker(measure, 1, *digits, path=path, run=run)
        _train(tracker, digits, 2)
    with open(path, newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["run"] for row in rows] == ["a", "a", "b", "b"]
    assert [bool(row["dsmi"]) for row in rows] == [False, False, True, True]
    assert "dsmi" not in tracker.initialize().records_[0]


@pytest.mark.parametrize(
    "change",
    [
        {"measures": {"dse": DiffusionSpectralEntropy(t=2)}},
        {"layers": 2},
        {"random_state": 1},
        {"X": np.eye(150)},
        {"y": np.ones(150)},
        {"pooling": "flatten"},
    ],
)
def test_run_measured_otherwise_is_not_mixed(digits, tmp_path, change):
    params = {"measures": "dse", "layers": 1, "X": digits[0], "y": digits[1]}
    params["path"] = tmp_path / "run.csv"
    _train(RepresentationTracker(**params), digits, 1)
    RepresentationTracker(**params, verbose=1, batch_size=7).initialize()
    with pytest.raises(ValueError, match="other samples or parameters; give another"):
        RepresentationTracker(**params | change).initialize()
    RepresentationTracker(**params | change, run="another").initialize()


def test_file_of_something_else_stays(mlp, digits, tmp_path):
    path = tmp_path / "other.csv"
    path.write_text("a,b\n1,2\n")
    tracker = RepresentationTracker("dse", 1, digits[0], path=path)
    with pytest.raises(ValueError, match=r"must be a new file or one that Represent"):
        tracker(mlp)
    assert path.read_text() == "a,b\n1,2\n"


def test_neither_torch_nor_skorch_is_needed():
    code = """
import sys
class Missing:
    def find_spec(name, path=None, target=None):
        if name.partition(".")[0] in ("torch", "skorch", "matplotlib", "pandas"):
            raise ImportError(name)
sys.meta_path.insert(0, Missing)
from sklearn.datasets import load_digits
from sklearn.neural_network import MLPClassifier
from skdse.probing import RepresentationTracker
import skdse.differentiable
X, y = load_digits(return_X_y=True)
mlp = MLPClassifier((8,)).partial_fit(X, y, classes=range(10))
tracker = RepresentationTracker("dsmi", X=X[:100], y=y[:100])
print(len(tracker(mlp)))
"""
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False
    )
    assert done.stderr == ""
    assert done.stdout == "2\n"


@pytest.mark.filterwarnings("ignore:y has a single 1 in each row:UserWarning")
@pytest.mark.parametrize("names", [None, list("abcdefghij")], ids=["numbers", "names"])
def test_one_hot_labels_and_columns_of_labels_are_labels(digits, names):
    X, y = digits
    named = y if names is None else np.array(names)[y]
    mlp = MLPClassifier((8,), learning_rate_init=0.01, random_state=0)
    for _ in range(200):
        mlp.partial_fit(X, named, classes=np.unique(named))
    (expected,) = RepresentationTracker("dsmi", 1, X, named)(mlp)
    assert expected["accuracy"] == mlp.score(X, named) > 0.5
    for same in (named[:, None], np.eye(10)[y]):
        (found,) = RepresentationTracker("dsmi", 1, X, same)(mlp)
        assert found["accuracy"] == expected["accuracy"]
        assert found["dsmi"] == expected["dsmi"]
