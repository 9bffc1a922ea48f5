"""Pooling of tokens and maps: against loops over samples; models of real libraries."""

from contextlib import suppress

import numpy as np
import pytest
from encoders import tiny_bert
from numpy.testing import assert_allclose, assert_array_equal

from skdse.probing import layer_activations

torch = pytest.importorskip("torch")
nn = torch.nn

# transformers imports its models lazily, and they add to the warning filters: here,
# where pytest puts them back, and not in a test.
with suppress(ImportError):
    from transformers import BatchEncoding, BertForSequenceClassification

LENGTHS = np.array([1, 3, 5, 2, 4, 5])


class Tokens(nn.Module):
    """Gives the embeddings of tokens as they are."""

    def __init__(self):
        super().__init__()
        self.layer = nn.Identity()

    def forward(self, inputs_embeds, attention_mask=None):
        return self.layer(inputs_embeds)


@pytest.fixture
def tokens(rng):
    """Embeddings, with rubbish where there is padding, on the right or left."""
    mask = np.arange(5) < LENGTHS[:, None]
    Z = rng.normal(size=(6, 5, 3))
    Z[~mask] = 1e6
    return Z, mask


POOLS = {
    "mean": lambda Z: Z.mean(axis=0),
    "max": lambda Z: Z.max(axis=0),
    "cls": lambda Z: Z[0],
    "last": lambda Z: Z[-1],
}


@pytest.mark.parametrize("left", [False, True])
@pytest.mark.parametrize("pooling", POOLS)
def test_padding_does_not_count(tokens, pooling, left):
    Z, mask = (one[:, ::-1].copy() if left else one for one in tokens)
    expected = [POOLS[pooling](one[kept]) for one, kept in zip(Z, mask, strict=True)]
    X = {"inputs_embeds": Z, "attention_mask": mask.astype(np.int64)}
    for batch_size in (4, 10):
        found = layer_activations(Tokens(), X, pooling=pooling, batch_size=batch_size)
        assert_allclose(found["layer"], expected)
    found = layer_activations(Tokens(), {"inputs_embeds": Z}, pooling=pooling)
    assert_allclose(found["layer"], [POOLS[pooling](one) for one in Z])


def test_samples_of_padding_alone_are_zeros(tokens):
    Z, mask = tokens[0], tokens[1].copy()
    mask[2] = False
    X = {"inputs_embeds": Z, "attention_mask": mask}
    for pooling in ("mean", "max"):
        found = layer_activations(Tokens(), X, pooling=pooling)["layer"]
        assert_array_equal(found[2], np.zeros(3))
        assert np.isfinite(found).all()


def test_each_token_is_a_row(tokens):
    Z, mask = tokens
    X = {"inputs_embeds": Z, "attention_mask": mask}
    for batch_size in (4, 10):
        found, samples = layer_activations(
            Tokens(), X, pooling="tokens", batch_size=batch_size, return_samples=True
        )
        assert_array_equal(found["layer"], Z[mask])
        assert_array_equal(samples, np.repeat(np.arange(6), LENGTHS))
    few = [
        layer_activations(
            Tokens(),
            X,
            pooling="tokens",
            batch_size=batch_size,
            max_samples=8,
            return_samples=True,
        )
        for batch_size in (1, 4, 10)
    ]
    for found, samples in few:
        assert len(samples) == len(found["layer"]) == 8
        assert_array_equal(samples, few[0][1])
        assert_array_equal(found["layer"], few[0][0]["layer"])


def test_tokens_are_capped(monkeypatch, rng):
    monkeypatch.setattr("skdse.probing._hooks.MAX_TOKENS", 50)
    Z = rng.normal(size=(40, 5, 3))
    found = layer_activations(nn.Identity(), Z, "", pooling="tokens")
    assert found[""].shape == (50, 3)


def test_tokens_of_layers_that_differ(rng):
    Z = rng.normal(size=(6, 5, 3))
    with pytest.raises(ValueError, match="layer '' gives shape"):
        layer_activations(nn.Flatten(), Z, "", pooling="tokens")
    model = nn.Sequential(nn.Identity(), nn.Conv1d(5, 7, 1).double())
    with pytest.raises(ValueError, match="needs layers with as many tokens each"):
        layer_activations(model, Z, ["0", "1"], pooling="tokens", channels="last")


def test_callables_may_take_the_mask(tokens):
    Z, mask = tokens
    X = {"inputs_embeds": Z, "attention_mask": mask}

    def counted(Z, mask):
        return mask.sum(dim=1, keepdim=True) + 0 * Z[:, :1, 0]

    found = layer_activations(Tokens(), X, pooling=counted)["layer"]
    assert_array_equal(found.ravel() % 1e6, LENGTHS)
    first = layer_activations(Tokens(), X, pooling=lambda Z: Z[:, 0])["layer"]
    assert_array_equal(first, Z[:, 0])


# Channels


class Swin(nn.Module):
    """A block on maps with channels last, from patches."""

    def __init__(self):
        super().__init__()
        self.patches = nn.Conv2d(1, 6, 2, 2)
        self.norm = nn.LayerNorm(6)
        self.block = nn.Sequential(nn.Linear(6, 12), nn.GELU(), nn.Linear(12, 6))

    def forward(self, x):
        x = self.norm(self.patches(x).permute(0, 2, 3, 1))
        return x + self.block(x)


def test_maps_are_pooled_over_positions(rng):
    torch.manual_seed(0)
    X = rng.normal(size=(5, 1, 8, 10)).astype(np.float32)
    model = Swin().eval()
    flat = layer_activations(model, X, "*", pooling="flatten")
    found = layer_activations(model, X, ["", "*"])
    widths = {name: Z.shape[1] for name, Z in found.items()}
    assert widths == {
        "": 6,
        "patches": 6,
        "norm": 6,
        "block": 6,
        "block.0": 12,
        "block.1": 4,  # nothing inside tells
        "block.2": 6,
    }
    first = flat["patches"].reshape(5, 6, 20).mean(axis=2)
    assert_allclose(found["patches"], first, rtol=1e-4, atol=1e-6)
    last = flat["block.0"].reshape(5, 20, 12).mean(axis=1)
    assert_allclose(found["block.0"], last, rtol=1e-4, atol=1e-6)
    told = layer_activations(model, X, "block.1", channels="last")["block.1"]
    last = flat["block.1"].reshape(5, 20, 12).mean(axis=1)
    assert_allclose(told, last, rtol=1e-4, atol=1e-6)
    largest = layer_activations(model, X, "block.1", pooling="max", channels="last")
    expected = flat["block.1"].reshape(5, 20, 12).max(axis=1)
    assert_allclose(largest["block.1"], expected, rtol=1e-5)


def test_sequences_of_convolutions_are_pooled_over_positions(rng):
    model = nn.Sequential(nn.Conv1d(2, 4, 3), nn.BatchNorm1d(4))
    X = rng.normal(size=(5, 2, 9)).astype(np.float32)
    widths = {name: Z.shape[1] for name, Z in layer_activations(model, X).items()}
    assert widths == {"0": 4, "1": 4}
    assert layer_activations(model, X, "0", channels="last")["0"].shape == (5, 7)


def test_maps_have_no_first_token(rng):
    X = rng.normal(size=(5, 2, 4, 4))
    with pytest.raises(ValueError, match="pooling='cls' needs tokens; layer '' gives"):
        layer_activations(nn.Identity(), X, "", pooling="cls")


# Models of real libraries, made from a configuration


@pytest.fixture
def bert():
    pytest.importorskip("transformers")
    config = tiny_bert(3, vocab_size=30, num_labels=3)
    torch.manual_seed(0)
    return BertForSequenceClassification(config)


@pytest.fixture
def texts(rng):
    pytest.importorskip("transformers")
    mask = np.arange(5) < LENGTHS[:, None]
    ids = np.where(mask, rng.integers(1, 30, (6, 5)), 0)
    return BatchEncoding(
        {
            "input_ids": torch.from_numpy(ids),
            "attention_mask": torch.from_numpy(mask.astype(np.int64)),
            "labels": torch.from_numpy(np.arange(6) % 3),
        }
    )


def test_hidden_states_of_transformers(bert, texts):
    bert.train()
    found = layer_activations(bert, texts, ["hidden_states", "classifier"])
    names = ["classifier", *(f"hidden_states.{i}" for i in range(4))]
    assert list(found) == names
    assert bert.training
    with torch.no_grad():
        output = bert.eval()(**texts, output_hidden_states=True)
    assert_allclose(found["classifier"], output.logits.numpy(), rtol=1e-4, atol=1e-6)
    mask = texts["attention_mask"].numpy().astype(bool)
    for i, Z in enumerate(output.hidden_states):
        pairs = zip(Z.numpy(), mask, strict=True)
        expected = [one[kept].mean(axis=0) for one, kept in pairs]
        assert_allclose(found[f"hidden_states.{i}"], expected, rtol=1e-4, atol=1e-6)
    alone = layer_activations(bert, texts, "hidden_states", pooling="tokens")
    assert [Z.shape for Z in alone.values()] == [(LENGTHS.sum(), 8)] * 4


def test_longer_padding_changes_nothing(bert, texts):
    longer = {
        key: nn.functional.pad(one, (0, 7)) if one.ndim == 2 else one
        for key, one in texts.items()
    }
    for pooling in ("mean", "max", "cls", "last"):
        expected = layer_activations(bert, texts, "hidden_states", pooling=pooling)
        found = layer_activations(bert, longer, "hidden_states", pooling=pooling)
        for name, Z in expected.items():
            assert_allclose(found[name], Z, rtol=1e-4, atol=1e-5)


def test_names_that_need_another_model(rng):
    X = rng.normal(size=(4, 6)).astype(np.float32)
    with pytest.raises(ValueError, match="'hidden_states' needs a model of transform"):
        layer_activations(nn.Linear(6, 2), X, "hidden_states")
    with pytest.raises(ValueError, match="'feature_info' needs a model of timm"):
        layer_activations(nn.Linear(6, 2), X, "feature_info")


def test_features_as_timm_lists_them(rng):
    model = Swin()
    model.feature_info = [{"module": "norm"}, {"module": "block.0"}]
    X = rng.normal(size=(4, 1, 8, 10)).astype(np.float32)
    assert list(layer_activations(model, X, "feature_info")) == ["norm", "block.0"]


def test_models_of_timm(rng):
    timm = pytest.importorskip("timm")
    model = timm.create_model(
        "swin_tiny_patch4_window7_224",
        img_size=64,
        window_size=4,
        depths=(1, 1, 1, 1),
        embed_dim=8,
        num_heads=(1, 1, 1, 1),
        num_classes=3,
    )
    X = rng.normal(size=(2, 3, 64, 64)).astype(np.float32)
    found = layer_activations(model, X, "feature_info")
    assert [Z.shape for Z in found.values()] == [(2, 8), (2, 16), (2, 32), (2, 64)]
    widths = {
        name: Z.shape[1]
        for name, Z in layer_activations(model, X, "layers.*.norm2").items()
    }
    assert set(widths.values()) == {8, 16, 32, 64}
