"""The tracker on modules of PyTorch and as a callback of skorch."""

import pickle

import numpy as np
import pytest
from numpy.testing import assert_array_equal
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer

from skdse.model_selection import representation_scorer
from skdse.probing import RepresentationTracker, layer_activations

torch = pytest.importorskip("torch")
skorch = pytest.importorskip("skorch")
nn = torch.nn

# torch imports sympy for its first optimizer, and sympy adds to the warning filters:
# here, where pytest puts them back, and not in a test.
torch.optim.SGD([torch.zeros(1)])


class Network(nn.Module):
    """Two hidden layers, normalisation and dropout, which training draws at random."""

    def __init__(self, n_hidden=8):
        super().__init__()
        self.first = nn.Linear(64, n_hidden)
        self.norm = nn.BatchNorm1d(n_hidden)
        self.dropout = nn.Dropout()
        self.second = nn.Linear(n_hidden, 6)
        self.head = nn.Linear(6, 10)

    def forward(self, x):
        x = self.dropout(torch.relu(self.norm(self.first(x))))
        return self.head(torch.relu(self.second(x)))


@pytest.fixture
def data(digits):
    """Digits as a net takes them."""
    return digits[0].astype(np.float32) / 16, digits[1].astype(np.int64)


def _net(*callbacks, **params):
    params = {
        "criterion": nn.CrossEntropyLoss,
        "max_epochs": 2,
        "verbose": 0,
        "batch_size": 32,
        "train_split": None,
        "callbacks": list(callbacks),
        **params,
    }
    return skorch.NeuralNetClassifier(Network, **params)


def _weights(net):
    return {name: p.tolist() for name, p in net.module_.state_dict().items()}


def _epochs(tracker):
    return [one["epoch"] for one in tracker.records_]


# Modules


def test_module_in_a_loop(data):
    X, y = data
    torch.manual_seed(0)
    model = Network()
    tracker = RepresentationTracker(["dse"], ["first", "second"], X, y)
    records = tracker(model)
    assert model.training
    assert [one["layer"] for one in records] == ["first", "second"]
    outputs = model.eval()(torch.from_numpy(X)).argmax(dim=1).numpy()
    assert records[0]["accuracy"] == np.mean(outputs == y)
    assert [len(one._forward_hooks) for one in model.modules()] == [0] * 6


@pytest.mark.parametrize("max_samples", ["auto", 100])
def test_samples_can_be_a_tensor(data, max_samples):
    X, y = data
    torch.manual_seed(0)
    model, params = Network(), {"layers": "first", "max_samples": max_samples}
    expected = RepresentationTracker(X=X, y=y, **params)(model)
    tensors = torch.from_numpy(X), torch.from_numpy(y)
    tracker = RepresentationTracker(X=tensors[0], y=tensors[1], **params)
    (record,) = tracker(model)
    assert record["accuracy"] >= 0
    expected[0]["seconds"] = record["seconds"]
    assert record == expected[0]


@pytest.mark.parametrize("n_outputs", [1, 3])
def test_outputs_that_are_no_scores_of_classes_have_no_accuracy(data, n_outputs):
    X, y = data
    model = nn.Sequential(nn.Linear(64, 6), nn.Linear(6, n_outputs))
    values = y / 3  # no classes, though there are as many outputs
    for one in (values, values[:, None]) if n_outputs == 3 else (y, y[:, None]):
        tracker = RepresentationTracker("dse", "0", X, one)
        assert np.isnan(tracker(model)[0]["accuracy"])


def test_training_does_not_notice(data):
    tracker = RepresentationTracker(X=data[0], y=data[1])
    weights = []
    for callbacks in ([], [tracker]):
        torch.manual_seed(0)
        weights.append(_weights(_net(*callbacks).fit(*data)))
    assert weights[0] == weights[1]
    assert len(tracker.records_) == 3 * 5


# skorch


def test_callback_measures_the_start_and_each_epoch(data):
    tracker = RepresentationTracker("dsmi", "second", *data)
    torch.manual_seed(0)
    net = _net(tracker).fit(*data)
    assert _epochs(tracker) == [0, 1, 2]
    (last,) = RepresentationTracker("dsmi", "second", *data)(net, 2)
    assert last["dsmi"] == tracker.records_[-1]["dsmi"]
    assert last["accuracy"] == np.mean(net.predict(data[0]) == data[1])
    net.partial_fit(*data)
    assert _epochs(tracker) == [0, 1, 2, 3, 4]
    net.fit(*data)  # begins anew
    assert _epochs(tracker) == [0, 1, 2]


def test_callback_resumes_from_its_file(data, tmp_path):
    path = tmp_path / "run.csv"
    torch.manual_seed(0)
    _net(RepresentationTracker("dse", "first", *data, path=path)).fit(*data)
    before = path.read_text()
    tracker = RepresentationTracker("dse", "first", *data, path=path)
    torch.manual_seed(0)
    _net(tracker, max_epochs=3).fit(*data)
    assert path.read_text().startswith(before)
    assert _epochs(tracker) == [0, 1, 2, 3]


def test_parameters_are_set_through_the_net(data):
    tracker = RepresentationTracker("dse", "first", *data)
    net = _net(("tracker", tracker), max_epochs=4)
    net.set_params(callbacks__tracker__every=2).fit(*data)
    assert net.get_params()["callbacks__tracker__every"] == 2
    assert _epochs(tracker) == [0, 2, 4]


def test_net_with_a_tracker_is_cloned_and_pickled(data):
    tracker = RepresentationTracker("dse", "first", *data)
    net = clone(_net(("tracker", tracker))).fit(*data)
    own = dict(net.callbacks_)["tracker"]
    assert own is not tracker
    assert not hasattr(tracker, "records_")
    assert _epochs(own) == [0, 1, 2]
    again = dict(pickle.loads(pickle.dumps(net)).callbacks_)["tracker"]
    assert again.records_ == own.records_


def test_search_with_a_tracker(data):
    tracker = RepresentationTracker("dse", "first", *data)
    search = GridSearchCV(
        _net(("tracker", tracker)),
        {"module__n_hidden": [4, 5]},
        cv=2,
        scoring=representation_scorer("dsmi", representation="second"),
    ).fit(*data)
    best = dict(search.best_estimator_.callbacks_)["tracker"]
    assert _epochs(best) == [0, 1, 2]
    n_hidden = search.best_params_["module__n_hidden"]
    assert {one["n_features"] for one in best.records_} == {n_hidden}


# Scorers


@pytest.mark.parametrize("use_caching", [True, False])
def test_scorers_in_epoch_scoring(data, use_caching):
    scoring = skorch.callbacks.EpochScoring(
        representation_scorer("dsmi", representation="second"),
        name="dsmi",
        lower_is_better=False,
        on_train=True,
        use_caching=use_caching,
    )
    torch.manual_seed(0)
    net = _net(scoring).fit(*data)
    scorer = representation_scorer("dsmi", representation="second")
    assert net.history[-1, "dsmi"] == scorer(net, *data)
    assert len(set(net.history[:, "dsmi"])) == 2


def test_layer_of_a_net_as_a_representation(data):
    X, y = data
    pipeline = make_pipeline(FunctionTransformer(np.negative), _net()).fit(X, y)
    Z = layer_activations(pipeline, X, "second")["second"]
    assert_array_equal(Z, layer_activations(pipeline[-1], -X, "second")["second"])
    by_name = representation_scorer("dse", representation="second")
    by_hand = representation_scorer("dse", representation=lambda net, X: Z)
    assert by_name(pipeline, X) == by_hand(pipeline, X)
    with pytest.raises(ValueError, match=r"'first', 'norm', 'dropout', 'second', 'h"):
        representation_scorer("dse", representation="third")(pipeline, X)
