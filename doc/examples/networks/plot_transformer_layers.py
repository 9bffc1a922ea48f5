"""
A Transformer, layer by layer, on texts
=======================================

Texts have different lengths, so that the short ones of a batch are filled up with
padding. What a layer makes of the padding says nothing about a text. With the mask of
the tokens, skdse leaves it out. This example trains an encoder, made from a
configuration, to tell which part of SciPy a description belongs to, and looks at all
its layers. Then it shows what one sees without the mask.
"""

# %%
# Texts that come with SciPy
# --------------------------
#
# The docstrings of functions begin with a description of what they do. The label is the
# module, of which five are taken. A third of the functions is kept for the measures.

import importlib
import inspect
import re

from sklearn.model_selection import train_test_split

TOPICS = ["linalg", "ndimage", "optimize", "signal", "special"]


def descriptions(topic):
    """Words of the first paragraphs of the docstrings of a module."""
    module = importlib.import_module(f"scipy.{topic}")
    docs = [inspect.getdoc(getattr(module, name)) or "" for name in module.__all__]
    texts = [re.split(r"\n\w[\w ]*\n---+\n", doc)[0].lower() for doc in docs]
    # The signature is no part of the description.
    texts = [re.sub(r"^\w+\(.*?\)\n", "", text, flags=re.DOTALL) for text in texts]
    words = [tuple(re.findall("[a-z]{2,}", text)[:48]) for text in texts]
    return sorted({one for one in words if len(one) > 3})[:150]


texts = [(one, topic) for topic in TOPICS for one in descriptions(topic)]
train, test = train_test_split(
    texts, test_size=1 / 3, stratify=[topic for _, topic in texts], random_state=0
)
print(f"{len(train)} and {len(test)} texts, the first:")
print(f"{train[0][1]}: {' '.join(train[0][0])}")

# %%
# Each word that occurs twice gets a number from 2 on; others are 1, and 0 is padding.
# The attention mask is 1 where there is a word.

import torch

counts = {}
for text, _ in train:
    for word in text:
        counts[word] = counts.get(word, 0) + 1
numbers = {word: i for i, word in enumerate((w for w in counts if counts[w] > 1), 2)}


def encoded(texts):
    """Numbers of the words, the mask, and the labels."""
    ids = torch.zeros(len(texts), 48, dtype=torch.long)
    for row, (text, _) in zip(ids, texts, strict=True):
        row[: len(text)] = torch.tensor([numbers.get(word, 1) for word in text])
    labels = torch.tensor([TOPICS.index(topic) for _, topic in texts])
    return {"input_ids": ids, "attention_mask": (ids > 0).long(), "labels": labels}


train, test = encoded(train), encoded(test)
y = test.pop("labels").numpy()
padding = 1 - test["attention_mask"].float().mean()
print(f"{len(numbers)} words; {padding:.0%} of the tokens are padding")

# %%
# Training
# --------
#
# A small BERT with four layers. The tracker gets the texts as the model does, in a
# dictionary. It measures the embeddings and each layer before the training and after
# each fourth epoch.

from transformers import BertConfig, BertForSequenceClassification

from skdse.probing import RepresentationTracker

torch.manual_seed(0)
config = BertConfig(
    vocab_size=len(numbers) + 2,
    hidden_size=48,
    num_hidden_layers=4,
    num_attention_heads=4,
    intermediate_size=96,
    max_position_embeddings=48,
    num_labels=len(TOPICS),
)
model = BertForSequenceClassification(config)
layers = ["bert.embeddings", "bert.encoder.layer.?"]
tracker = RepresentationTracker(["dse", "dsmi_wide"], layers, test, y, every=4)
tracker(model, 0)
optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3)
for epoch in range(1, 13):
    model.train()
    for rows in torch.randperm(len(train["labels"])).split(32):
        model(**{key: one[rows] for key, one in train.items()}).loss.backward()
        optimizer.step()
        optimizer.zero_grad()
    tracker(model, epoch)
frame = tracker.to_frame()
accuracy = frame.groupby("epoch").accuracy.first()
accuracy.round(2)

# %%
# Layer by layer
# --------------
#
# Before the training the layers differ little: what each adds to the embeddings is
# small. After it, each layer fills fewer states than the one before. The mutual
# information with the topics is some three times that before the training. It is
# highest in the first layers, and then falls a little: the last layers bring texts of a
# topic so close together that less entropy is left for the labels to explain.

import matplotlib.pyplot as plt

from skdse.plotting import LayerProfileDisplay

frame["layer"] = frame.layer.str.replace("bert.", "").str.replace("encoder.", "")
_, axes = plt.subplots(2, 2, figsize=(10, 7), layout="constrained", sharey="col")
for row, epoch in zip(axes, (0, 12), strict=True):
    LayerProfileDisplay.from_frame(frame, epoch=epoch, ax=row)
    row[0].set_title("before the training" if epoch == 0 else "after it")
plt.show()

# %%
# Without the mask
# ----------------
#
# A pooling of one's own may take a mean over all tokens. Then texts of the same length
# look alike, since they have as much padding, and the entropy is lower; most so in the
# first layers, which is a difference between layers that is not there.

from skdse import DiffusionSpectralEntropy
from skdse.probing import layer_activations

dse = DiffusionSpectralEntropy(random_state=0)
masked = layer_activations(model, test, layers)
whole = layer_activations(model, test, layers, pooling=lambda Z: Z.mean(dim=1))
for name in masked:
    pair = [dse.fit(one[name]).entropy_ for one in (masked, whole)]
    print("{}: {:.2f} bits, with padding {:.2f}".format(name, *pair))
