"""The report of the tracker in each adapter, after a training of a tiny model."""

import json
import re
import warnings

import numpy as np
import pytest
from encoders import tiny_bert

from skdse.probing import RepresentationTracker

torch = pytest.importorskip("torch")
pytest.importorskip("plotly")
pytestmark = pytest.mark.filterwarnings("ignore")  # of the frameworks
torch.optim.SGD([torch.zeros(1)])  # imports what adds to the filters of warnings


def _check(tracker, layer, samples):
    """Two epochs and the start of one layer, its spectrum, and the kind of samples."""
    page = tracker.to_html()
    data = json.loads(re.search(r'id="data">(.*?)</script>', page, re.DOTALL)[1])
    (grid,) = data["grids"]
    assert (grid["layers"], grid["epochs"]) == ([layer], [0, 1, 2])
    values = [one["dse"] for one in tracker.records_]
    np.testing.assert_allclose(grid["values"]["dse"][0], values, rtol=1e-5)
    assert [one["layer"] for one in data["spectra"]] == [layer]
    assert "At epoch 2." in page
    assert samples in page


def test_lightning(digits, tmp_path):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        L = pytest.importorskip("lightning.pytorch")
    from skdse.integrations.lightning import RepresentationCallback

    class Module(L.LightningModule):
        def __init__(self):
            super().__init__()
            self.encoder = torch.nn.Linear(64, 8)

        def forward(self, x):
            return self.encoder(x)

        def training_step(self, batch):
            return self(batch).square().mean()

        def configure_optimizers(self):
            return torch.optim.SGD(self.parameters(), lr=0.1)

    X = torch.tensor(digits[0]).float() / 16
    callback = RepresentationCallback(RepresentationTracker("dse", "encoder", X[:60]))
    trainer = L.Trainer(
        max_epochs=2,
        callbacks=[callback],
        accelerator="cpu",
        logger=False,
        default_root_dir=tmp_path,
        enable_progress_bar=False,
        enable_model_summary=False,
        enable_checkpointing=False,
    )
    trainer.fit(Module(), torch.utils.data.DataLoader(X, 50))
    _check(callback.tracker, "encoder", "Tensor of shape (60, 64), torch.float32")


def test_transformers(tmp_path):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        transformers = pytest.importorskip("transformers")
        pytest.importorskip("accelerate")
    from skdse.integrations.transformers import RepresentationCallback

    config = tiny_bert(1, vocab_size=20, max_position_embeddings=16)
    rng = np.random.default_rng(0)
    texts = [
        {"input_ids": torch.tensor(rng.integers(1, 20, 6)), "labels": i % 2}
        for i in range(40)
    ]
    layer = "bert.encoder.layer.0"
    callback = RepresentationCallback(RepresentationTracker("dse", layer))
    args = transformers.TrainingArguments(
        output_dir=str(tmp_path),
        num_train_epochs=2,
        per_device_train_batch_size=16,
        report_to=[],
        use_cpu=True,
        disable_tqdm=True,
        save_strategy="no",
        eval_strategy="epoch",
        eval_on_start=True,
    )
    transformers.Trainer(
        transformers.BertForSequenceClassification(config),
        args,
        train_dataset=texts,
        eval_dataset=texts,
        callbacks=[callback],
    ).train()
    _check(callback.tracker, layer, "DataLoader")


def test_keras(digits):
    keras = pytest.importorskip("keras")
    from skdse.integrations.keras import RepresentationCallback

    X, y = digits[0].astype("float32") / 16, digits[1]
    model = keras.Sequential([keras.Input((64,)), keras.layers.Dense(10, name="first")])
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile("sgd", loss)
    callback = RepresentationCallback(RepresentationTracker("dse", "first", X))
    model.fit(X, y, callbacks=[callback], epochs=2, verbose=0)
    _check(callback.tracker, "first", "ndarray of shape (150, 64), float32")


def test_skorch(digits):
    skorch = pytest.importorskip("skorch")
    X, y = digits[0].astype("float32") / 16, digits[1].astype(int)
    net = skorch.NeuralNetClassifier(
        torch.nn.Sequential(torch.nn.Linear(64, 10)),
        criterion=torch.nn.CrossEntropyLoss,
        max_epochs=2,
        verbose=0,
        callbacks=[("tracker", RepresentationTracker("dse", "0", X))],
    ).fit(X, y)
    tracker = dict(net.callbacks_)["tracker"]
    _check(tracker, "0", "ndarray of shape (150, 64), float32")
