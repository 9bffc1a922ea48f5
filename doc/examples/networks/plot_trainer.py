"""
The Trainer of Transformers in ten lines
========================================

A BERT is made from a configuration, without a download, and trained by the Trainer of
Transformers. :class:`~skdse.integrations.transformers.RepresentationCallback` measures
its layers before the training and after each epoch.
"""

# %%
# A BERT that reads digits
# ------------------------
#
# Nothing here is about skdse. The words are the rows of an image, from top to bottom:
# of all rows of the training images, the 100 most common kinds are told apart. So a
# text has eight words, and the model must learn what they mean from the images alone.

import numpy as np
import torch
from sklearn.cluster import KMeans
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from transformers import BertConfig, BertForSequenceClassification, set_seed

set_seed(0)
images, y = load_digits(return_X_y=True)
train, test = train_test_split(
    np.arange(len(y)), test_size=0.25, stratify=y, random_state=0
)
rows = images.reshape(-1, 8)
kinds = KMeans(100, n_init=1, random_state=0).fit(images[train].reshape(-1, 8))
words = torch.from_numpy(kinds.predict(rows).reshape(-1, 8)).long()
texts = [{"input_ids": words[i], "labels": int(y[i])} for i in train]

config = BertConfig(
    vocab_size=100,
    hidden_size=32,
    num_hidden_layers=2,
    num_attention_heads=4,
    intermediate_size=64,
    max_position_embeddings=8,
    num_labels=10,
    pad_token_id=None,
)
model = BertForSequenceClassification(config)

# %%
# Ten lines
# ---------
#
# The tracker gets texts that the model is not trained on, and their labels. Each layer
# gives a vector for each word; the mean over words stands for the text.

import tempfile

from transformers import Trainer, TrainingArguments

from skdse.integrations.transformers import RepresentationCallback
from skdse.probing import RepresentationTracker

layers = ["bert.embeddings", "bert.encoder.layer.0", "bert.encoder.layer.1"]
tracker = RepresentationTracker(["dse", "dsmi_wide"], layers, words[test], y[test])
options = {"save_strategy": "no", "logging_strategy": "no", "report_to": "none"}
arguments = TrainingArguments(
    tempfile.mkdtemp(),
    num_train_epochs=8,
    per_device_train_batch_size=32,
    learning_rate=2e-3,
    use_cpu=True,
    disable_tqdm=True,
    **options,
)
trainer = Trainer(model=model, args=arguments, train_dataset=texts)
trainer.add_callback(RepresentationCallback(tracker))
_ = trainer.train()

# %%
# The numbers are in the log history of the Trainer, too, beside its loss.

last = trainer.state.log_history[-2]
for name in layers:
    print(f"{name:21s} DSMI wide {last[f'dsmi_wide/{name}']:.2f} bits")

# %%
# What happened in the layers
# ---------------------------
#
# Before the training, the layers differ little: what each adds to the embeddings is
# small. Then the entropy falls, the more the deeper the layer, while the mutual
# information with the labels grows. In the end it is higher in both layers than in the
# embeddings, where each word has the same meaning in all texts.

import matplotlib.pyplot as plt

from skdse.plotting import TrainingDynamicsDisplay

frame = tracker.to_frame()
TrainingDynamicsDisplay.from_frame(frame)
plt.show()
accuracy = frame.groupby("epoch").accuracy.first()
print(f"test accuracy {accuracy.iloc[0]:.2f} at first, {accuracy.iloc[-1]:.2f} at last")
