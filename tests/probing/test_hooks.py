"""Layers of PyTorch modules and skorch nets: against forward passes by hand."""

import re

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.exceptions import NotFittedError
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer

from skdse.probing import layer_activations

torch = pytest.importorskip("torch")
skorch = pytest.importorskip("skorch")
nn = torch.nn

# torch imports sympy for its first optimizer, and sympy adds to the warning filters:
# here, where pytest puts them back, and not in a test.
torch.optim.SGD([torch.zeros(1)])


@pytest.fixture
def images(rng):
    """Ten images of one channel, float32."""
    return rng.normal(size=(10, 1, 6, 6)).astype(np.float32)


@pytest.fixture
def model():
    """Convolution, normalisation, dropout and a head, all of it in training mode."""
    torch.manual_seed(0)
    return nn.Sequential(
        nn.Conv2d(1, 3, 3),
        nn.ReLU(inplace=True),
        nn.Sequential(nn.BatchNorm2d(3), nn.Dropout()),
        nn.Flatten(),
        nn.Linear(48, 4),
    )


class Odd(nn.Module):
    """Gives what it is told to; its layer is called as often as it is told to."""

    def __init__(self, output=None, n_calls=1):
        super().__init__()
        self.layer, self.output, self.n_calls = nn.Linear(6, 6), output, n_calls
        self.unused = nn.ModuleList([nn.Linear(2, 2)])

    def forward(self, x):
        for _ in range(self.n_calls):
            x = self.layer(x)
        return self.output(x) if self.output else x


def _traces(module):
    """What looking must leave alone: hooks, modes, buffers, gradients, randomness."""
    return (
        [len(one._forward_hooks) for one in module.modules()],
        [one.training for one in module.modules()],
        [buffer.tolist() for buffer in module.buffers()],
        [p.grad for p in module.parameters()],
        torch.random.get_rng_state().tolist(),
    )


# Values


def test_activations_are_those_of_the_forward_pass(model, images):
    layers = layer_activations(model, images, pooling="flatten", batch_size=3)
    assert list(layers) == ["0", "1", "2.0", "2.1", "3", "4"]
    model.eval()
    with torch.no_grad():
        Z = torch.from_numpy(images)
        for name in layers:
            Z = model.get_submodule(name)(Z)
            # Before the next layer has changed it in place.
            expected = Z.flatten(1).numpy().copy()
            assert_allclose(layers[name], expected, rtol=1e-5, atol=1e-6)
            assert layers[name].dtype == np.float32


def test_mean_over_positions_and_over_tokens(model, images, rng):
    maps = layer_activations(model, images, "0", pooling="flatten")["0"]
    pooled = layer_activations(model, images, "0")["0"]
    assert pooled.shape == (10, 3)
    assert_allclose(pooled, maps.reshape(10, 3, -1).mean(axis=2), rtol=1e-5, atol=1e-6)
    tokens = rng.normal(size=(10, 5, 6))
    linear = nn.Linear(6, 4).double()
    pooled = layer_activations(linear, tokens, "")[""]
    every = layer_activations(linear, tokens, "", pooling="flatten")[""]
    first = layer_activations(linear, tokens, "", pooling=lambda Z: Z[:, 0])[""]
    assert_allclose(pooled, every.reshape(10, 5, 4).mean(axis=1))
    assert_allclose(first, every[:, :4])


@pytest.mark.parametrize("batch_size", [1, 4, 100])
def test_size_of_batches_is_of_no_consequence(model, images, batch_size):
    expected = layer_activations(model, images)
    layers = layer_activations(model, images, batch_size=batch_size)
    for name, Z in layers.items():
        assert_allclose(Z, expected[name], rtol=1e-5, atol=1e-6)


def test_arrays_tensors_datasets_and_loaders(model, images):
    expected = layer_activations(model, images, "4")["4"]
    tensor, labels = torch.from_numpy(images), torch.arange(10)
    data = torch.utils.data
    with_labels = data.TensorDataset(tensor, labels)
    for X in (
        tensor,
        images.astype(np.float64),
        images.tolist(),
        with_labels,
        data.DataLoader(with_labels, batch_size=3),
        data.DataLoader(tensor, batch_size=3),
    ):
        assert_allclose(layer_activations(model, X, "4")["4"], expected, rtol=1e-5)


def test_file_mapped_into_memory(model, images, tmp_path):
    np.save(tmp_path / "images.npy", images)
    mapped = np.load(tmp_path / "images.npy", mmap_mode="r")
    expected = layer_activations(model, images, "4")["4"]
    assert_array_equal(layer_activations(model, mapped, "4")["4"], expected)


@pytest.mark.parametrize(
    ("dtype", "kept"),
    [
        (torch.float64, np.float64),
        (torch.float32, np.float32),
        (torch.bfloat16, np.float32),
    ],
)
def test_precision(dtype, kept, rng):
    X = rng.normal(size=(8, 6))
    layers = layer_activations(nn.Linear(6, 6).to(dtype), X, "")
    assert layers[""].dtype == kept


def test_integers_stay_integers():
    embedding = nn.Embedding(7, 3)
    layers = layer_activations(embedding, np.array([[1, 2], [6, 6]]), "")
    weights = embedding.weight.detach().numpy()
    assert_allclose(layers[""], [weights[[1, 2]].mean(axis=0), weights[6]], rtol=1e-6)


# Names


@pytest.mark.parametrize(
    ("layers", "names"),
    [
        ("2", ["2"]),
        (["4", "0"], ["4", "0"]),
        ("2*", ["2", "2.0", "2.1"]),
        ("[01]", ["0", "1"]),
        ("", [""]),
        (["*.1", "*"], ["2.1", "0", "1", "2", "2.0", "3", "4"]),
    ],
)
def test_layers_by_name_and_pattern(model, images, layers, names):
    assert list(layer_activations(model, images, layers)) == names


def test_unknown_layers_are_named(model, images):
    with pytest.raises(ValueError, match=r"'head' matches none of '0', '1', '2', "):
        layer_activations(model, images, ["0", "head"])
    with pytest.raises(TypeError, match="layers must be names or patterns; got 1"):
        layer_activations(model, images, 1)


def test_layers_that_are_not_called(rng):
    X = rng.normal(size=(4, 6))
    # A pattern passes over them.
    assert list(layer_activations(Odd(), X, "*")) == ["layer"]
    assert list(layer_activations(Odd(), X)) == ["layer"]
    for layers in ("unused", ["layer", "unused.0"], "unused*"):
        with pytest.raises(ValueError, match="were not called in the forward pass"):
            layer_activations(Odd(), X, layers)


def test_of_several_calls_the_last_counts(rng):
    X, model = rng.normal(size=(4, 6)), Odd(n_calls=3).double()
    layers = layer_activations(model, X, ["layer", ""])
    assert_array_equal(layers["layer"], layers[""])


def test_layer_under_two_names(rng):
    X, model = rng.normal(size=(4, 6)), Odd()
    model.alias = model.layer
    layers = layer_activations(model, X, ["layer", "alias"])
    assert_array_equal(layers["layer"], layers["alias"])
    assert list(layer_activations(model, X, "*")) == ["layer"]


# Outputs


def test_of_several_tensors_the_first_counts(rng):
    X = rng.normal(size=(4, 3, 6)).astype(np.float32)
    lstm = nn.LSTM(6, 2, batch_first=True)
    sequence, _ = lstm(torch.from_numpy(X))
    expected = sequence.mean(dim=1).detach().numpy()
    assert_allclose(layer_activations(lstm, X, "")[""], expected, rtol=1e-5)
    model = Odd(lambda x: {"note": "none", "hidden": [None, x]})
    layers = layer_activations(model, X, ["", "layer"])
    assert_array_equal(layers[""], layers["layer"])


@pytest.mark.parametrize(
    ("output", "message"),
    [
        (lambda x: "text", "layer '' must give real numbers for each sample, in a "),
        (lambda x: (), "first in a tuple, list or dict; it gives tuple."),
        (lambda x: x.sum(), "it gives torch.float32, 0d."),
        (lambda x: x.to(torch.complex64), "it gives torch.complex64, 2d."),
        (lambda x: x[:-1], "layer '' gives 3 rows for a batch of 4 samples; the first"),
    ],
)
def test_outputs_that_are_no_rows(rng, output, message):
    model = Odd(output)
    before = _traces(model)
    with pytest.raises(ValueError, match=re.escape(message)):
        layer_activations(model, rng.normal(size=(4, 6)), ["", "layer"])
    assert _traces(model) == before


# No trace


def test_looking_leaves_no_trace(model, images):
    model[2].eval()  # a part that is frozen stays so
    before = _traces(model)
    loader = torch.utils.data.DataLoader(torch.from_numpy(images), shuffle=True)
    for X in (images, loader):
        layers = layer_activations(model, X)
        assert not any(np.isnan(Z).any() for Z in layers.values())
        assert _traces(model) == before


def test_an_error_leaves_no_trace(model, images):
    def fail(Z):
        raise RuntimeError("cannot pool")

    before = _traces(model)
    with pytest.raises(RuntimeError, match="cannot pool"):
        layer_activations(model, images, pooling=fail)
    with pytest.raises(RuntimeError):
        layer_activations(model, images[:, :, :3])  # too small for the head
    assert _traces(model) == before


# skorch


def _net(module, **params):
    params = {"max_epochs": 1, "verbose": 0, "train_split": None} | params
    return skorch.NeuralNetClassifier(module, **params)


def test_layers_of_a_net_are_those_of_its_module(model, images):
    net = _net(model, batch_size=4).fit(images, np.arange(10) % 4)
    net.module_.train()
    before = _traces(net.module_)
    layers = layer_activations(net, images, ["0", "2*"])
    assert _traces(net.module_) == before
    expected = layer_activations(net.module_, images, ["0", "2*"])
    assert list(layers) == list(expected)
    for name, Z in layers.items():
        assert_allclose(Z, expected[name], rtol=1e-5, atol=1e-6)


def test_net_at_the_end_of_a_pipeline(model, images):
    y = np.arange(10) % 4
    pipeline = make_pipeline(FunctionTransformer(np.negative), _net(model))
    pipeline.fit(images, y)
    expected = layer_activations(pipeline[-1].module_, -images, "4")["4"]
    assert_allclose(layer_activations(pipeline, images, "4")["4"], expected, rtol=1e-5)


def test_net_that_was_not_initialized(model, images):
    with pytest.raises(NotFittedError):
        layer_activations(_net(model), images)
