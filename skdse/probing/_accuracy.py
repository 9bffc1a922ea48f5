"""Accuracy of a network on the samples of a tracker, beside its activations."""

import warnings

import numpy as np
from sklearn.base import is_classifier

from .._measures.target_kinds import TEXT, classes_of_one_hot, kind_of
from .._tools.arrays import is_device_array, is_finite, to_host
from .._tools.intake import taken_in, taken_in_labels
from .._tools.validation import user_stacklevel
from ._hooks import is_module, is_net
from ._representation import predicted_classes, split, top_columns, unwrapped
from ._wrapped import agreed, inside, is_first, is_sharded


def accuracy_of(model, shown, accuracy, classes, rows):
    """Accuracy of a model on the samples that it was shown; NaN without classes.

    classes are those of the batches that its module gave, None of a model without one;
    rows are the numbers of the samples that were looked at.
    """
    if callable(accuracy):
        return float(accuracy(model, shown.X, shown.y))
    if accuracy is None or shown.y is None:
        return np.nan
    if classes is None:
        if not is_classifier(model):
            return np.nan
        return _agreement(*_predicted_and_true(model, shown))
    if any(one is None for one in classes):
        return np.nan
    classes, y = np.concatenate(classes), _classes_of(shown.y, model)
    # Of arrays, only samples that are measured pass through the network.
    if len(classes) != len(y):
        y = _classes_of(shown.labels_of(rows), model)
    return _agreement(classes, y)


def _predicted_and_true(model, shown):
    """Classes that a perceptron predicts and those of the labels, or rows of several.

    A perceptron that was trained on one-hot rows may predict none of their classes, or
    several: its largest output tells the class.
    """
    predicted, y = predicted_classes(model, shown.X), _classes_of(shown.y, model)
    if predicted.ndim == 2 and y.ndim == 1:
        predicted = top_columns(model, shown.X)
    return predicted, y


def _agreement(predicted, y):
    """Share of samples of which each label is right; NaN of what is not comparable."""
    if predicted.shape != y.shape or _are_values(y):
        return np.nan
    is_text = [kind_of(one).values == TEXT for one in (predicted, y)]
    if is_text[0] != is_text[1]:
        return np.nan
    return float(np.mean(np.all((predicted == y).reshape(len(y), -1), axis=1)))


def _are_values(y):
    """Whether a target holds numbers with fractions, which are no classes."""
    return y.dtype.kind == "f" and bool(np.any(y % 1))


def _on_host(y):
    """Labels as a NumPy array."""
    y = taken_in_labels(y)
    return to_host(y) if is_device_array(y) else np.asarray(y)


def _classes_of(y, model):
    """Class of each sample, of labels, a column of them, or one-hot rows."""
    y = _on_host(y)
    if y.ndim == 2 and y.shape[1] == 1:
        return y[:, 0]
    classes = classes_of_one_hot(y)
    if classes is None:
        return y
    # Columns are in the order of the outputs, to which a classifier gives names.
    names = getattr(model, "classes_", None)
    is_named = not isinstance(names, list) and np.shape(names) == (y.shape[1],)
    return names[classes] if is_named else classes


def module_of(model):
    """Return the module of PyTorch that a model runs, None of a perceptron."""
    if is_module(model):
        return inside(model)
    _, network = split(unwrapped(model))
    return inside(network.module_) if is_net(network) else None


def takes_part(model, is_due):
    """Whether this process has to run the model for measures that are due.

    The first process measures. The others are needed where each has a part of the
    model; they then do what is due in the first one.
    """
    module = module_of(model)
    if module is not None and is_sharded(module):
        return agreed(is_due)
    return is_due and is_first()


def warn_of_not_finite(activations, epoch):
    """Warn of layers that cannot be measured."""
    for layer, Z in activations.items():
        if not is_finite(taken_in(Z)):
            warnings.warn(
                f"layer {layer!r} at epoch {epoch} has activations that are not "
                "finite: recorded as NaN.",
                stacklevel=user_stacklevel(),
            )
