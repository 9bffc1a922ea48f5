"""What `log` gets, and that TensorBoard and MLflow keep it."""

import numpy as np
import pytest
from sklearn.neural_network import MLPClassifier

from skdse.probing import RepresentationTracker

CLASSES = np.arange(10)


def _train(digits, log, n_epochs=2, **params):
    """Track a perceptron; the tracker."""
    tracker = RepresentationTracker(
        ["dse", "dsmi"], "hidden_*", *digits, log=log, **params
    )
    mlp = MLPClassifier((8, 6), random_state=0)
    for epoch in range(n_epochs):
        tracker(mlp.partial_fit(*digits, classes=CLASSES), epoch)
    return tracker


def _expected(tracker, epoch):
    """Numbers of an epoch, from the records."""
    records = [one for one in tracker.records_ if one["epoch"] == epoch]
    measures = ("dse", "dse_std_error", "dsmi", "dsmi_std_error")
    numbers = {f"{one['layer']}/{key}": one[key] for one in records for key in measures}
    numbers["accuracy"] = records[0]["accuracy"]
    numbers["seconds"] = sum(one["seconds"] for one in records)
    return numbers


def test_numbers_of_each_epoch(digits):
    logged = []
    tracker = _train(digits, lambda *args: logged.append(args))
    assert logged == [(_expected(tracker, epoch), epoch) for epoch in (0, 1)]
    assert all(type(value) is float for value in logged[0][0].values())


def test_nan_is_left_out(digits):
    logged = []
    _train(digits, lambda numbers, epoch: logged.append(numbers), 1, accuracy=None)
    assert "accuracy" not in logged[0]


def test_epochs_of_the_file_are_not_logged_again(digits, tmp_path):
    epochs, path = [], tmp_path / "run.csv"
    for n_epochs in (2, 3):
        _train(digits, lambda numbers, epoch: epochs.append(epoch), n_epochs, path=path)
    assert epochs == [0, 1, 2]


def test_what_is_logged_is_in_the_file_already(digits, tmp_path):
    path = tmp_path / "run.csv"

    def fail(numbers, epoch):
        raise ConnectionError

    with pytest.raises(ConnectionError):
        _train(digits, fail, path=path)
    assert len(path.read_text().splitlines()) == 3  # a title and two layers


@pytest.mark.filterwarnings("ignore")  # of TensorBoard
def test_tensorboard(digits, tmp_path):
    pytest.importorskip("tensorboard")
    SummaryWriter = pytest.importorskip("torch.utils.tensorboard").SummaryWriter
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    with SummaryWriter(tmp_path) as writer:

        def log(numbers, epoch):
            for name, value in numbers.items():
                writer.add_scalar(name, value, epoch)

        tracker = _train(digits, log)
    events = EventAccumulator(str(tmp_path)).Reload()
    expected = [_expected(tracker, epoch) for epoch in (0, 1)]
    assert set(events.Tags()["scalars"]) == set(expected[0])
    for name in expected[0]:
        found = [(one.step, one.value) for one in events.Scalars(name)]
        # Event files are in float32.
        values = [float(np.float32(numbers[name])) for numbers in expected]
        assert found == list(enumerate(values))


@pytest.mark.filterwarnings("ignore")  # of MLflow
def test_mlflow(digits, tmp_path, monkeypatch):
    monkeypatch.setenv("MLFLOW_DISABLE_TELEMETRY", "true")
    monkeypatch.setenv("MLFLOW_ALLOW_FILE_STORE", "true")
    mlflow = pytest.importorskip("mlflow")
    before = mlflow.get_tracking_uri()
    mlflow.set_tracking_uri((tmp_path / "store").as_uri())
    try:
        with mlflow.start_run() as run:
            tracker = _train(digits, mlflow.log_metrics)
        client = mlflow.MlflowClient()
        expected = [_expected(tracker, epoch) for epoch in (0, 1)]
        assert set(client.get_run(run.info.run_id).data.metrics) == set(expected[0])
        for name in expected[0]:
            history = client.get_metric_history(run.info.run_id, name)
            found = sorted((one.step, one.value) for one in history)
            assert found == [(i, numbers[name]) for i, numbers in enumerate(expected)]
    finally:
        mlflow.set_tracking_uri(before)
