"""Padding of texts: as if each text were alone, or a warning that it counts."""

import warnings
from contextlib import suppress
from types import SimpleNamespace

import numpy as np
import pytest
from encoders import tiny_bert
from numpy.testing import assert_allclose

from skdse import DiffusionSpectralEntropy
from skdse.probing import RepresentationTracker, layer_activations

torch = pytest.importorskip("torch")
nn, data = torch.nn, torch.utils.data

# As in test_pooling.py: what is imported lazily adds to the warning filters.
with suppress(ImportError):
    from transformers import (
        BatchEncoding,
        BertModel,
        BertTokenizer,
        T5Config,
        T5Model,
    )
with suppress(ImportError):
    import sentence_transformers.sentence_transformer.modules

N_TEXTS, LONGEST = 40, 9


class Encoder(nn.Module):
    """Embeddings and two layers, which take the mask of torch: True for padding."""

    def __init__(self, padding_idx=None):
        super().__init__()
        self.embed = nn.Embedding(30, 8, padding_idx)
        layer = nn.TransformerEncoderLayer(8, 2, 16, 0.1, batch_first=True)
        self.encoder = nn.TransformerEncoder(layer, 2)

    def forward(self, src, src_key_padding_mask=None):
        Z = self.embed(src)
        return self.encoder(Z, src_key_padding_mask=src_key_padding_mask)[:, 0]


class Masked(Encoder):
    """The same, with the mask of transformers: 1 for tokens."""

    def forward(self, input_ids, attention_mask=None, other_mask=None):
        padding = None if attention_mask is None else attention_mask == 0
        return super().forward(input_ids, padding)


class OfFeatures(Masked):
    """The same, called with a dictionary, to which it adds."""

    def forward(self, features, **options):
        assert not options
        Z = super().forward(features["input_ids"], features["attention_mask"])
        features.update(token_embeddings=self.embed(features["input_ids"]))
        return features | {"sentence_embedding": Z}


LAYERS = ["embed", "encoder.layers.0", "encoder.layers.1"]


def seeded(model, *args):
    torch.manual_seed(0)
    return model(*args).eval()


@pytest.fixture
def texts(rng):
    """Tokens of texts of many lengths, padded to one, and where they are."""
    lengths = rng.integers(1, LONGEST + 1, N_TEXTS)
    lengths[0] = LONGEST
    is_token = np.arange(LONGEST) < lengths[:, None]
    ids = np.where(is_token, rng.integers(1, 30, (N_TEXTS, LONGEST)), 0)
    return torch.tensor(ids), torch.tensor(is_token)


def one_by_one(model, texts, layers=LAYERS):
    """Mean over tokens in layers, text by text, none of them padded."""
    ids, is_token = texts
    found = [
        layer_activations(model, row[kept][None], layers)
        for row, kept in zip(ids, is_token, strict=True)
    ]
    return {name: np.concatenate([one[name] for one in found]) for name in layers}


def check_same(found, expected):
    assert list(found) == list(expected)
    for name, Z in expected.items():
        assert_allclose(found[name], Z, atol=1e-5, err_msg=name)


def inputs(ids, is_token):
    """Ways to say to a network which tokens are padding."""
    ones = is_token.long()
    return {
        "dictionary": (Masked, {"input_ids": ids, "attention_mask": ones}),
        "floats": (Masked, {"input_ids": ids, "attention_mask": ones.double()}),
        "tuple": (Masked, (ids, ones)),
        "arrays": (Masked, (ids.numpy(), is_token.numpy())),
        "of torch": (Encoder, {"src": ids, "src_key_padding_mask": ~is_token}),
        "tuple of torch": (Encoder, (ids, ~is_token)),
        "added": (
            Encoder,
            {
                "src": ids,
                "src_key_padding_mask": torch.zeros(ids.shape).masked_fill(
                    ~is_token, -torch.inf
                ),
            },
        ),
        "features": (OfFeatures, {"input_ids": ids, "attention_mask": ones}),
    }


WAYS = list(inputs(torch.zeros(1, 1), torch.ones(1, 1, dtype=bool)))


@pytest.mark.parametrize("way", WAYS)
def test_padded_texts_are_as_if_each_were_alone(way, texts):
    kind, X = inputs(*texts)[way]
    found = layer_activations(seeded(kind), X, LAYERS, batch_size=16)
    check_same(found, one_by_one(seeded(Masked), texts))


def test_entropy_of_layers_is_that_of_texts_without_padding(texts):
    kind, X = inputs(*texts)["dictionary"]
    tracker = RepresentationTracker("dse", LAYERS, X)
    found = [record["dse"] for record in tracker(seeded(kind), 0)]
    alone = one_by_one(seeded(Masked), texts)
    dse = DiffusionSpectralEntropy(random_state=0)
    assert_allclose(found, [dse.fit(Z).entropy_ for Z in alone.values()], atol=1e-4)
    # A mean over padding pulls all texts to one point, most of all in the first layer.
    Z = seeded(Masked).embed(texts[0]).detach().mean(1)
    assert dse.fit(Z.numpy()).entropy_ < found[0] - 0.1


def test_encoder_of_transformers(texts):
    pytest.importorskip("transformers")
    config = tiny_bert(2, vocab_size=30, max_position_embeddings=LONGEST)
    ids, is_token = texts
    X = BatchEncoding({"input_ids": ids, "attention_mask": is_token.long()})
    layers = ["embeddings", "encoder.layer.0", "encoder.layer.1"]
    model = seeded(BertModel, config)
    check_same(layer_activations(model, X, layers), one_by_one(model, texts, layers))
    with pytest.warns(UserWarning, match=r"begin or end with the token of padding, 0"):
        layer_activations(model, ids, layers)


def test_decoders_have_a_mask_of_their_own(texts):
    pytest.importorskip("transformers")
    config = T5Config(
        vocab_size=30, d_model=8, d_kv=4, d_ff=16, num_layers=1, num_heads=2
    )
    ids, is_token = texts
    of_decoder = is_token.flip(0)
    X = {
        "input_ids": ids,
        "attention_mask": is_token.long(),
        "decoder_input_ids": ids,
        "decoder_attention_mask": of_decoder.long(),
    }
    model = seeded(T5Model, config)
    layers = ["encoder.block.0", "decoder.block.0"]
    kept = {}
    hooks = [
        model.get_submodule(name).register_forward_hook(
            lambda module, args, output, name=name: kept.update({name: output[0]})
        )
        for name in layers
    ]
    found = layer_activations(model, X, layers)
    for hook in hooks:
        hook.remove()
    for name, mask in zip(layers, (is_token, of_decoder), strict=True):
        pairs = zip(kept[name], mask, strict=True)
        assert_allclose(found[name], [Z[one].mean(0) for Z, one in pairs], atol=1e-6)


# Modules that return what they were given


def test_what_a_module_was_given_is_not_what_it_gives(texts):
    kind, X = inputs(*texts)["features"]
    model = nn.Sequential(seeded(kind))
    whole = layer_activations(model, X, ["", "0"])
    expected = seeded(kind)({name: one[:16] for name, one in X.items()})
    for Z in whole.values():
        assert Z.shape == (N_TEXTS, 8)
        assert_allclose(Z[:16], expected["sentence_embedding"].detach(), atol=1e-6)


def test_real_sentence_transformers(tmp_path, texts):
    pytest.importorskip("transformers")
    pytest.importorskip("sentence_transformers")
    words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", *map("w{}".format, range(26))]
    (tmp_path / "vocab.txt").write_text("\n".join(words), encoding="utf-8")
    config = tiny_bert(2, vocab_size=30, max_position_embeddings=LONGEST + 2)
    seeded(BertModel, config).save_pretrained(tmp_path)
    BertTokenizer(str(tmp_path / "vocab.txt")).save_pretrained(tmp_path)
    modules = sentence_transformers.sentence_transformer.modules
    transformer = modules.Transformer(str(tmp_path))
    pool = modules.Pooling(8, "mean")
    model = sentence_transformers.SentenceTransformer(
        modules=[transformer, pool], device="cpu"
    )
    ids, is_token = texts
    lines = [
        " ".join(words[4 + token % 26] for token in row[kept])
        for row, kept in zip(ids, is_token, strict=True)
    ]
    X = model.preprocess(lines)
    expected = model.encode(lines)
    found = layer_activations(model, X, ["0", "1"])
    for Z in found.values():
        assert_allclose(Z, expected, atol=1e-5)


def test_the_fast_path_is_put_back_and_nested_tensors_are_refused(texts):
    mha = torch.backends.mha
    for enabled in (False, True):
        mha.set_fastpath_enabled(enabled)
        layer_activations(seeded(Masked), texts, LAYERS)
        assert mha.get_fastpath_enabled() is enabled

    class Nested(nn.Module):
        def forward(self, X):
            return torch.nested.nested_tensor(list(X))

    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "The PyTorch API of nested tensors")
        with pytest.raises(ValueError, match="it gives a nested tensor"):
            layer_activations(nn.Sequential(Nested()), torch.ones(3, 4, 2), "0")


# Warnings


@pytest.mark.parametrize("pooling", ["mean", "max", "last", "tokens"])
def test_a_mask_that_nobody_passed_is_missed(pooling, texts):
    ids, is_token = texts
    model = seeded(Masked, 0)
    loader = data.DataLoader(data.TensorDataset(ids, is_token, ids[:, 0]), 16)
    left = ids.flip(1)
    for X in (ids, {"input_ids": ids}, loader, left):
        with pytest.warns(UserWarning, match="has no mask.*padding, 0:") as caught:
            layer_activations(model, X, "embed", pooling=pooling)
        assert len(caught) == 1


def test_a_mask_of_another_name_is_not_used(texts):
    ids, is_token = texts
    X = {"input_ids": ids, "other_mask": is_token}
    with pytest.warns(UserWarning, match=r"has 'other_mask', but .*\(n_samples, n_tok"):
        found = layer_activations(seeded(Masked), X, "embed")
    X = X | {"attention_mask": torch.ones_like(ids)}
    assert_allclose(
        layer_activations(seeded(Masked), X, "embed")["embed"], found["embed"]
    )


def test_a_mask_of_pairs_does_not_say_which_tokens_are_padding(texts):
    class OfPairs(Encoder):
        def forward(self, input_ids, attention_mask):
            return super().forward(input_ids)

    ids, is_token = texts
    pairs = (is_token[:, None] & is_token[:, :, None]).long()
    with pytest.warns(UserWarning, match="has 'attention_mask', but does not say"):
        layer_activations(
            seeded(OfPairs), {"input_ids": ids, "attention_mask": pairs}, "embed"
        )


def test_a_layer_of_another_length_counts_padding(texts):
    class Longer(Masked):
        def forward(self, input_ids, attention_mask):
            more = torch.cat([input_ids[:, :1], input_ids], dim=1)
            return super().forward(more)

    ids, is_token = texts
    X = {"input_ids": ids, "attention_mask": is_token}
    message = r"layer 'embed' gives 10 tokens, the mask is one of 9"
    with pytest.warns(UserWarning, match=message):
        layer_activations(seeded(Longer), X, ["embed", "encoder.layers.1"])
    # Without padding, all tokens count rightly.
    layer_activations(seeded(Longer), X | {"attention_mask": ids >= 0}, "embed")


def test_no_warning_without_a_cause(texts):
    ids, is_token = texts
    whole = ids[is_token.all(dim=1)]
    ends = seeded(Masked, 0)
    ends.config = SimpleNamespace(pad_token_id=0, eos_token_id=0)
    X = {"input_ids": ids, "attention_mask": is_token, "special_tokens_mask": ids < 3}
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        layer_activations(seeded(Masked, 0), whole, "embed")
        layer_activations(ends, ids, "embed")
        layer_activations(seeded(Masked), ids, "embed")  # 0 is a word like others
        layer_activations(seeded(Masked, 0), X, "embed")
        layer_activations(seeded(Masked, 0), X | {"other_mask": is_token}, "embed")
        X = {"input_ids": ids, "other_mask": is_token}
        layer_activations(seeded(Masked, 0), X, "embed", pooling=lambda Z: Z[:, 0])
