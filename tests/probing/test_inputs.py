"""Inputs as networks take them: dictionaries, tuples, loaders, and rows of a stream."""

import re
from collections import UserDict

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from skdse import DiffusionSpectralEntropy, DiffusionSpectralMI
from skdse.probing import RepresentationTracker, layer_activations

torch = pytest.importorskip("torch")
nn, data = torch.nn, torch.utils.data

# torch imports sympy for its first optimizer, and sympy adds to the warning filters.
torch.optim.SGD([torch.zeros(1)])


class Encoder(nn.Module):
    """Tokens with a mask; gives a loss before the logits, as models of text do."""

    def __init__(self):
        super().__init__()
        self.embed, self.head = nn.Embedding(9, 4), nn.Linear(4, 3)

    def forward(self, input_ids, attention_mask=None, labels=None):
        Z = self.embed(input_ids)
        logits = self.head(Z[:, 0])
        if labels is None:
            return {"logits": logits}
        return {"loss": logits.mean(), "logits": logits}


@pytest.fixture
def encoder():
    torch.manual_seed(0)
    return Encoder()


@pytest.fixture
def tokens(rng):
    """Twenty texts of up to five tokens, with labels."""
    lengths = rng.integers(1, 6, 20)
    return {
        "input_ids": rng.integers(1, 9, (20, 5)),
        "attention_mask": (np.arange(5) < lengths[:, None]).astype(np.int64),
        "labels": np.arange(20) % 3,
    }


@pytest.fixture
def network():
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(6, 5), nn.ReLU(), nn.Linear(5, 3))


@pytest.fixture
def samples(rng):
    return rng.normal(size=(60, 6)).astype(np.float32), np.arange(60) % 3


class Rows(data.Dataset):
    """Dictionaries one by one."""

    def __init__(self, columns):
        self.columns = columns

    def __len__(self):
        return len(self.columns["input_ids"])

    def __getitem__(self, i):
        return {key: column[i] for key, column in self.columns.items()}


# Inputs


@pytest.mark.parametrize("batch_size", [3, 100])
def test_dictionaries_go_by_their_keys(encoder, tokens, batch_size):
    with torch.no_grad():
        ids = torch.from_numpy(tokens["input_ids"])
        expected = encoder.head(encoder.embed(ids)[:, 0]).numpy()
    for X in (
        tokens,
        UserDict(tokens),  # as BatchEncoding
        {key: torch.from_numpy(one) for key, one in tokens.items()},
        tokens | {"text": None, "idx": np.arange(20)},
        Rows(tokens),
        data.DataLoader(Rows(tokens), batch_size=4),
        (tokens["input_ids"], tokens["attention_mask"]),
    ):
        found = layer_activations(encoder, X, ["", "head"], batch_size=batch_size)
        assert_allclose(found["head"], expected, rtol=1e-5)
        assert_array_equal(found[""], found["head"])  # the logits, not the loss


def test_a_module_that_takes_a_dictionary(rng):
    class Takes(nn.Module):
        def forward(self, batch):
            return batch["a"] + batch["b"]

    a, b = rng.normal(size=(2, 7, 3))
    assert_allclose(layer_activations(Takes(), {"a": a, "b": b}, "")[""], a + b)


def test_images_of_8_bits_get_the_precision_of_the_module(rng):
    images = rng.integers(0, 256, (6, 1, 4, 4), dtype=np.uint8)
    model = nn.Conv2d(1, 2, 3)
    expected = layer_activations(model, images.astype(np.float32))
    assert_array_equal(layer_activations(model, images)[""], expected[""])


@pytest.mark.filterwarnings("ignore:.*:DeprecationWarning")
@pytest.mark.filterwarnings("ignore:.*:UserWarning")
def test_quantized_modules(network, samples):
    quantized = torch.ao.quantization.quantize_dynamic(network, {nn.Linear})
    X = samples[0].astype(np.float64)
    found = layer_activations(quantized, X, "2")["2"]
    assert_allclose(found, layer_activations(network, X, "2")["2"], atol=0.1)
    # By default all layers, and not their packed weights.
    assert list(layer_activations(quantized, X)) == list(layer_activations(network, X))


@pytest.mark.filterwarnings("ignore:.*:DeprecationWarning")
def test_torchscript_is_refused(network, samples):
    scripted = torch.jit.trace(network, torch.from_numpy(samples[0]))
    with pytest.raises(TypeError, match=r"^model .* got a TorchScript module"):
        layer_activations(scripted, samples[0])
    model = nn.Sequential(scripted, nn.ReLU())
    with pytest.raises(TypeError, match=r"^layer '0\.0' .*, or choose other layers\."):
        layer_activations(model, samples[0])
    found = layer_activations(model, samples[0], "1")["1"]
    assert_array_equal(found, layer_activations(network, samples[0])["2"].clip(0))


@pytest.mark.parametrize(
    ("X", "error", "message"),
    [
        (np.empty((0, 6)), ValueError, "X must have at least one sample; it is empty."),
        ({"a": np.ones(3), "b": np.ones(2)}, ValueError, "got dict with [2, 3] rows."),
        (["some", "texts"], TypeError, "X must be numbers, in arrays, tensors or dic"),
        ([[1, 2, 3], [4, 5]], ValueError, "X must have samples of one length; got sev"),
        ({"a": [[1], [2, 3]]}, ValueError, "X must have samples of one length; got s"),
        (
            [torch.ones(2, length, 6) for length in (3, 4)],
            ValueError,
            "X must have samples of one length; got several. Pad them, with a mask",
        ),
        (3, ValueError, "X must be samples: an array, a tensor, or a dictionary"),
    ],
)
def test_inputs_that_are_none(network, X, error, message):
    with pytest.raises(error, match=re.escape(message)):
        layer_activations(network, X)


def test_lengths_that_differ_with_flatten():
    batches = [torch.ones(2, length, 6) for length in (3, 4)]
    loader = data.DataLoader(batches, batch_size=None)
    message = "layer '' gives 18 features in one batch and 24 in another: pad the"
    with pytest.raises(ValueError, match=message):
        layer_activations(nn.Linear(6, 6), loader, pooling="flatten")
    assert layer_activations(nn.Linear(6, 6), loader)[""].shape == (4, 6)


# Rows


@pytest.mark.parametrize("on_device", [False, True])
def test_the_rows_depend_on_the_samples_alone(network, samples, on_device):
    X, _ = samples
    every = layer_activations(network, X, "2")["2"]
    dataset = data.TensorDataset(torch.from_numpy(X))
    chosen = []
    for one, size in ((X, 256), (X, 7), (dataset, 9), (torch.from_numpy(X), 1)):
        for stream in (one, data.DataLoader(dataset, batch_size=size)):
            found, rows = layer_activations(
                network,
                stream,
                "2",
                max_samples=11,
                batch_size=size,
                random_state=3,
                keep_on_device=on_device,
                return_samples=True,
            )
            assert_allclose(np.asarray(found["2"]), every[rows], rtol=1e-5, atol=1e-6)
            chosen.append(rows.tolist())
    assert len(chosen[0]) == 11 and sorted(chosen[0]) == chosen[0]
    assert all(one == chosen[0] for one in chosen)
    other = layer_activations(
        network, X, "2", max_samples=11, random_state=4, return_samples=True
    )[1]
    assert other.tolist() != chosen[0]


def test_no_sample_is_preferred(network):
    from skdse.probing._selection import chosen_samples

    counts = np.zeros(40)
    for seed in range(2000):
        counts[chosen_samples(40, 10, seed)] += 1
    # Each is chosen with probability 1/4: a standard deviation of 19.4 around 500.
    assert abs(counts - 500).max() < 4.5 * 19.4


def test_a_stream_keeps_few_rows(network):
    class Counted(nn.Module):
        def forward(self, x):
            return x

    X = torch.arange(4000.0)[:, None]
    loader = data.DataLoader(data.TensorDataset(X), batch_size=50)
    found, rows = layer_activations(
        Counted(), loader, max_samples=100, return_samples=True
    )
    assert found[""].ravel().tolist() == rows.tolist()
    assert len(rows) == 100 and rows.max() > 3000


# The tracker


def test_the_tracker_takes_what_layer_activations_takes(network, samples, tmp_path):
    X, y = samples
    dataset = data.TensorDataset(torch.from_numpy(X), torch.from_numpy(y))
    expected = RepresentationTracker(layers="0", X=X, y=y, max_samples=40)(network)
    for one in (dataset, data.DataLoader(dataset, batch_size=7)):
        tracker = RepresentationTracker(layers="0", X=one, max_samples=40)
        for found in (tracker(network), tracker(network)):
            for key in ("dse", "dsmi_share", "dsmi_wide"):
                assert_allclose(found[0][key], expected[0][key], atol=1e-5)
            assert found[0]["n_samples"] == 40
    classes = network(torch.from_numpy(X)).argmax(dim=1).numpy()
    assert found[0]["accuracy"] == np.mean(classes == y)  # all passed through it


def test_rows_that_are_measured(network, samples):
    X, y = samples
    measures = {"dse": DiffusionSpectralEntropy(), "dsmi": DiffusionSpectralMI()}
    tracker = RepresentationTracker(measures, "2", X, y, max_samples=30)
    (record,) = tracker(network)
    Z, rows = layer_activations(network, X, "2", max_samples=30, return_samples=True)
    assert (
        record["dse"] == DiffusionSpectralEntropy(random_state=0).fit(Z["2"]).entropy_
    )
    dsmi = DiffusionSpectralMI(random_state=0).fit(Z["2"], y[rows])
    assert_allclose(record["dsmi"], dsmi.mutual_info_, rtol=0, atol=1e-12)
    classes = network(torch.from_numpy(X[rows])).argmax(dim=1).numpy()
    assert record["accuracy"] == np.mean(classes == y[rows])


def test_texts_and_their_labels(encoder, tokens, tmp_path):
    path = tmp_path / "run.csv"
    expected = RepresentationTracker(
        ["dse", "dsmi"], "embed", tokens, tokens["labels"], path=path
    )(encoder, 0)
    again = RepresentationTracker(
        ["dse", "dsmi"], "embed", dict(tokens), tokens["labels"], path=path
    )
    assert len(again.initialize().records_) == 1
    other = tokens | {"input_ids": tokens["input_ids"][::-1]}
    with pytest.raises(ValueError, match="other samples or parameters"):
        again.set_params(X=other).initialize()
    loader = data.DataLoader(Rows(tokens), batch_size=6)
    found = RepresentationTracker(["dse", "dsmi"], "embed", loader)(encoder, 0)
    assert_allclose(found[0]["dsmi"], expected[0]["dsmi"], atol=1e-5)
    with pytest.raises(ValueError, match="dsmi_input' needs"):
        RepresentationTracker("dsmi_input", "embed", tokens)(encoder)


def test_loaders_that_shuffle_are_refused(network, samples):
    dataset = data.TensorDataset(torch.from_numpy(samples[0]))
    loader = data.DataLoader(dataset, shuffle=True)
    with pytest.raises(ValueError, match="got a DataLoader that shuffles"):
        RepresentationTracker("dse", X=loader)(network)


def test_reading_a_loader_leaves_the_random_state(network, samples):
    dataset = data.TensorDataset(torch.from_numpy(samples[0]))
    before = torch.random.get_rng_state()
    RepresentationTracker("dse", X=data.DataLoader(dataset))(network)
    assert torch.equal(torch.random.get_rng_state(), before)


def test_each_token_has_the_label_of_its_sample(encoder, tokens):
    tracker = RepresentationTracker(
        {"dsmi": DiffusionSpectralMI()},
        "embed",
        tokens,
        tokens["labels"],
        pooling="tokens",
        max_samples=30,
    )
    (record,) = tracker(encoder)
    Z, rows = layer_activations(
        encoder,
        tokens,
        "embed",
        pooling="tokens",
        max_samples=30,
        return_samples=True,
    )
    dsmi = DiffusionSpectralMI(random_state=0).fit(Z["embed"], tokens["labels"][rows])
    assert_allclose(record["dsmi"], dsmi.mutual_info_, rtol=0, atol=1e-12)
    assert record["n_samples"] == 30
