"""From a fitted estimator and samples X to a representation Z of the samples.

fitted estimator ─► (what is wrapped in it) ─► pipeline's steps, last one ─► Z.
"""

from functools import partial, singledispatch
from numbers import Integral

import numpy as np
import scipy.sparse as sp
from scipy.special import expit
from sklearn.frozen import FrozenEstimator
from sklearn.utils import check_array
from sklearn.utils.validation import check_is_fitted, validate_data

from .._tools.arrays import astype, is_device_array, is_finite, like, namespace, to_host
from .._tools.intake import check_samples_on_device, gathered, taken_in
from .._tools.validation import count_samples
from ._hooks import is_net, layer_names, net_activations

METHODS = ("transform", "decision_function", "predict_proba")
# Where a meta-estimator keeps the one that it stands for.
INNER = ("best_estimator_", "regressor_")
ACTIVATIONS = {
    "identity": np.positive,
    "logistic": expit,
    "tanh": np.tanh,
    "relu": partial(np.maximum, 0),
}


def represent(estimator, X, representation="auto"):
    """Representation of X by a fitted estimator: array (n_samples, n_features)."""
    if callable(representation):
        Z = representation(estimator, X)
    else:
        options = _options(unwrapped(estimator))
        if representation not in options:
            raise ValueError(
                f"representation must be a callable or, of {estimator!r}, one of "
                f"{list(options)}; got {representation!r}."
            )
        Z = options[representation](gathered(X))
    return as_matrix(Z, count_samples(X), f"representation={representation!r}")


def check_representation(representation):
    """Raise unless representation may name one."""
    if callable(representation) or isinstance(representation, str):
        return
    is_number = isinstance(representation, Integral)
    if not is_number or isinstance(representation, bool) or representation == 0:
        raise ValueError(
            "representation must be 'auto', the name of a step or of a layer, one of "
            f"{list(METHODS)}, the number of a hidden layer (1 is the first, -1 the "
            f"last) or a callable; got {representation!r}."
        )


def hidden_activations(mlp, X):
    """Activations of X in each hidden layer of a fitted perceptron of scikit-learn."""
    check_is_fitted(mlp)
    Z = taken_in(X)
    if is_device_array(Z):
        check_samples_on_device(Z, type(mlp).__name__)
        validate_data(mlp, Z, reset=False, skip_check_array=True)
    else:
        Z = validate_data(mlp, Z, reset=False, accept_sparse="csr")
    activations = []
    for W, b in zip(mlp.coefs_[:-1], mlp.intercepts_[:-1], strict=True):
        Z = _activation(mlp.activation, _affine(Z, W, b))
        activations.append(Z)
    return activations


def _affine(Z, W, b):
    """Z W + b, where Z lies."""
    if is_device_array(Z):
        Z = astype(Z, W.dtype)
        W, b = like(W, Z), like(b, Z)
    return Z @ W + b


def _activation(name, Z):
    """Z after an activation function of scikit-learn's perceptrons."""
    if not is_device_array(Z):
        return ACTIVATIONS[name](Z)
    xp = namespace(Z)
    if name == "identity":
        return Z
    if name == "relu":
        return xp.maximum(Z, xp.zeros_like(Z))
    return xp.tanh(Z) if name == "tanh" else (1 + xp.tanh(Z / 2)) / 2


def perceptron_activations(mlp, X):
    """Activations of X in each layer of a perceptron by name; output before softmax."""
    activations = hidden_activations(mlp, X)
    layers = {f"hidden_{i}": Z for i, Z in enumerate(activations, 1)}
    # Probabilities of a trained network crowd in the corners of the simplex, closer
    # than the rounding of their distances: 0.006 bits of DSMI.
    last = activations[-1] if activations else taken_in(X)
    layers["output"] = _affine(last, mlp.coefs_[-1], mlp.intercepts_[-1])
    return layers


def predicted_classes(model, X):
    """Class of each of the samples X that a perceptron predicts.

    One that was trained on rows of several labels predicts such rows.
    """
    X = taken_in(X)
    if not is_device_array(X):
        return model.predict(X)
    mlp, output = _output(model, X)
    is_above = to_host(output > 0).astype(int)
    if output.shape[1] == 1:
        return mlp.classes_[is_above[:, 0]]
    if mlp.out_activation_ == "logistic":
        return is_above
    return mlp.classes_[to_host(namespace(output).argmax(output, axis=1))]


def top_columns(model, X):
    """Column of the largest output of a perceptron for each of the samples X."""
    output = _output(model, X)[1]
    return to_host(namespace(output).argmax(output, axis=1))


def _output(model, X):
    """Perceptron that a model is or ends in, and its output before softmax."""
    before, mlp = split(unwrapped(model))
    return mlp, perceptron_activations(mlp, before(X))["output"]


def unwrapped(estimator):
    """Fitted estimator that meta-estimators are wrapped around."""
    while (inner := _inside(estimator)) is not None:
        estimator = inner
    return estimator


@singledispatch
def _inside(estimator):
    """Fitted estimator that a search or a meta-estimator stands for, or None."""
    return next(
        (getattr(estimator, one) for one in INNER if hasattr(estimator, one)), None
    )


@_inside.register
def _inside_frozen(frozen: FrozenEstimator):
    """Estimator that is frozen."""
    return frozen.estimator


def is_pipeline(estimator):
    """Whether an estimator is a pipeline, of scikit-learn or like those."""
    return hasattr(estimator, "named_steps")


def is_perceptron(estimator):
    """Whether an estimator is a perceptron of scikit-learn, or like those."""
    return hasattr(estimator, "hidden_layer_sizes")


def _options(estimator):
    """Functions from X to Z that the estimator offers, by name or number of layer."""
    before, last = split(estimator)
    options = {"auto": _auto(estimator, before, last)}
    options |= {name: getattr(estimator, name, None) for name in METHODS}
    options = {name: option for name, option in options.items() if option is not None}
    if is_pipeline(estimator):
        for i, (name, step) in enumerate(estimator.steps, 1):
            if hasattr(step, "transform") or step in (None, "passthrough"):
                options.setdefault(name, partial(_through, estimator, i))
    n_hidden = _n_hidden_layers(last)
    for i in range(1, n_hidden + 1):
        for layer in (i, i - n_hidden - 1):
            options[layer] = partial(_hidden, before, last, layer)
    if is_net(last) and hasattr(last, "module_"):
        for name in layer_names(last.module_):
            options.setdefault(name, partial(_net_layer, before, last, name))
    return options


def _auto(estimator, before, last):
    """Function from X to Z where nobody says which, or None."""
    if _n_hidden_layers(last):
        return partial(_hidden, before, last, -1)
    if is_pipeline(estimator):
        is_transformer = hasattr(last, "transform") and not hasattr(last, "predict")
        return estimator.transform if is_transformer else before
    return getattr(estimator, "transform", None)


def split(estimator):
    """Function through all steps but the last, and the last; pipelines may nest."""
    heads = []
    while is_pipeline(estimator):
        heads.append(partial(_through, estimator, len(estimator.steps) - 1))
        estimator = unwrapped(estimator.steps[-1][1])
    return partial(_one_by_one, heads), estimator


def _through(pipeline, n_steps, X):
    """X after the first steps of a pipeline."""
    return pipeline[:n_steps].transform(X) if n_steps else X


def _one_by_one(functions, X):
    """X after several functions."""
    for function in functions:
        X = function(X)
    return X


def _hidden(before, mlp, layer, X):
    """Activations in a hidden layer: 1 is the first, -1 the last."""
    return hidden_activations(mlp, before(X))[layer - (layer > 0)]


def _net_layer(before, net, name, X):
    """Activations in a layer of a skorch net."""
    return net_activations(net, before(X), name)[0][name]


def _n_hidden_layers(estimator):
    """Return the number of hidden layers: 0 of what is no perceptron."""
    if not is_perceptron(estimator):
        return 0
    check_is_fitted(estimator)
    return estimator.n_layers_ - 2


def as_matrix(Z, n_samples, name):
    """Z as a dense array (n_samples, n_features), or raise and blame the name.

    An array on a device stays there.
    """
    if sp.issparse(Z):
        raise ValueError(
            f"{name} gives a sparse matrix; make it dense, with a step such as "
            "TruncatedSVD or with a callable that returns an array."
        )
    Z = taken_in(Z, name)
    if is_device_array(Z):
        if not is_finite(Z):
            raise ValueError(f"{name} must be finite; it contains NaN or infinity.")
    else:
        Z = check_array(Z, ensure_2d=False, allow_nd=True, input_name=name)
    if Z.ndim not in (1, 2) or Z.shape[0] != n_samples:
        raise ValueError(
            f"{name} must give an array of shape (n_samples, n_features) with "
            f"n_samples={n_samples}; got shape {tuple(Z.shape)}."
        )
    return namespace(Z).reshape(Z, (n_samples, -1))
