"""Activations of samples in layers of any network.

model ─► (what is wrapped in it) ─► perceptron, PyTorch module or skorch net ─► Z of
each layer.
"""

from collections.abc import Callable
from numbers import Integral
from typing import Any

from .._tools.hints import Layers
from .._tools.intake import gathered, taken_in
from .._tools.validation import check_count, check_flag, check_option
from ._hooks import (
    Look,
    choose_names,
    is_module,
    is_net,
    module_activations,
    net_activations,
)
from ._inputs import count_inputs, take_inputs
from ._pooling import CHANNELS, POOLINGS
from ._representation import (
    is_perceptron,
    perceptron_activations,
    split,
    unwrapped,
)
from ._selection import chosen_samples


def layer_activations(
    model: Any,
    X: Any,
    layers: Layers = None,
    *,
    pooling: str | Callable = "mean",
    channels: str = "auto",
    batch_size: int = 256,
    max_samples: int | None = None,
    random_state: int = 0,
    keep_on_device: bool = False,
    return_samples: bool = False,
) -> Any:
    """Return the activations of samples in the layers of a network, by name.

    Parameters
    ----------
    model : estimator or torch.nn.Module
        A fitted :class:`~sklearn.neural_network.MLPClassifier` or
        :class:`~sklearn.neural_network.MLPRegressor`, an initialized net of skorch, a
        pipeline that ends in one of these, a fitted search over these, or any module
        of PyTorch.
    X : array-like, torch.Tensor, dict, tuple, Dataset or DataLoader
        Samples, as the model takes them. Arrays and tensors of shape (n_samples, ...)
        are moved to the device of a module; floats and uint8 (images) get the
        precision of its parameters. A dictionary, such as a ``BatchEncoding``
        of transformers, has arrays or tensors that the module gets by their names;
        those that it does not know are left out. A tuple has arrays or tensors that the
        module gets one after the other. If a Dataset or DataLoader gives tuples or
        lists, their first entry is used.
    layers : str, int, list of these or None, default=None
        Layers by name, or by pattern with ``*``, ``?`` and ``[]`` (:mod:`fnmatch`;
        ``*`` matches dots too). A perceptron has "hidden_1", "hidden_2", ... (also 1,
        2, ... from the first, -1, -2, ... from the last) and "output", before the
        softmax. A module has the names of ``module.named_modules()``. None is all
        layers of a perceptron, or all parts of a module that contain no other parts.
        "hidden_states" are those that a model of transformers returns, from
        "hidden_states.0", the embedding. "feature_info" are the layers that a model of
        timm lists in its attribute of that name.
    pooling : {"mean", "max", "cls", "last", "tokens", "flatten"} or callable, \
            default="mean"
        How outputs of more than two dimensions become (n_samples, n_features), in a
        module or net. Outputs are tokens of shape (n_samples, n_tokens, n_features) or
        maps of shape (n_samples, n_channels, height, ...), see `channels`. If X has an
        "attention_mask" (1 for tokens) or "src_key_padding_mask" (True for padding), by
        name or in its place in a tuple, tokens of padding do not count. "mean" and
        "max" are taken over tokens, or over the positions of maps. "cls" is the first
        token, "last" the last one. "tokens" makes each token or position a row.
        "flatten" keeps all entries. A callable gets the tensor and returns the
        features, such as ``lambda Z: Z[:, 0]``; if it has a parameter ``mask``, it gets
        the attention mask there, or None.
    channels : {"auto", "first", "last"}, default="auto"
        Which axis of maps has the features: the one after the samples, or the last one,
        as in Swin Transformers. "auto" compares the shape with the widths of the
        convolutions, linear layers and normalisations in the layer; if that does not
        tell, it is "first" for maps, "last" for tokens.
    batch_size : int, default=256
        Number of samples that a module gets at a time. A larger number needs more
        memory. A net of skorch uses its own batch size.
    max_samples : int or None, default=None
        Number of rows to keep at most: samples, or with ``pooling="tokens"`` tokens, of
        which None keeps 10,000. Which rows these are depends on their place in X and on
        `random_state` alone.
    random_state : int, default=0
        Seed of that choice.
    keep_on_device : bool, default=False
        Whether activations in a module or net stay tensors on its device, where all
        measures take them. All layers together then need its memory. If False, they
        are copied to NumPy arrays.
    return_samples : bool, default=False
        Whether to return also which sample each row belongs to.

    Returns
    -------
    activations : dict of str to array of shape (n_samples, n_features)
        Activations by layer, in the order of `layers`. Layers that match the same
        pattern are in the order of the model. They are NumPy arrays, or tensors with
        `keep_on_device`; those of a perceptron are where X is. float32 stays float32;
        half precision becomes float32.
    samples : array of shape (n_rows,)
        Place in X of the sample of each row. Only if `return_samples`.

    Raises
    ------
    TypeError
        If `model` or an entry of `layers` is of another kind.
    ValueError
        If a layer is unknown, was not called, or does not give numbers for each
        sample; or if a parameter is invalid.

    Warns
    -----
    UserWarning
        If tokens of padding count, because no mask says which these are.

    See Also
    --------
    RepresentationTracker : Measure layers epoch by epoch.
    skdse.model_selection.representation_scorer : Score the representation of an
        estimator.

    Notes
    -----
    Modules run without gradients and in evaluation mode. Afterwards, also after an
    error, the hooks are removed, each part of the module is back in its mode, and the
    random state of torch is restored. So the training is not changed.

    Compiled networks, and those in ``DataParallel`` or ``DistributedDataParallel``, are
    looked at without these wrappers, and layers are named as inside.

    If a layer is called several times in one forward pass, its last call counts. If a
    layer returns several tensors, the first counts, such as the sequence of
    :class:`torch.nn.LSTM`. The first dimension must be the samples
    (``batch_first=True``).

    Examples
    --------
    Get the activations in the layers of a perceptron:

    >>> from sklearn.datasets import load_digits
    >>> from sklearn.neural_network import MLPClassifier
    >>> from skdse.probing import layer_activations
    >>> X, y = load_digits(return_X_y=True)
    >>> mlp = MLPClassifier((64, 32), solver="lbfgs", random_state=0).fit(X, y)
    >>> for name, Z in layer_activations(mlp, X).items():
    ...     print(f"{name:8s} {Z.shape}")
    hidden_1 (1797, 64)
    hidden_2 (1797, 32)
    output   (1797, 10)
    """
    if not callable(pooling):
        check_option(pooling, "pooling", POOLINGS)
    check_option(channels, "channels", CHANNELS)
    check_count(batch_size, "batch_size")
    if max_samples is not None:
        check_count(max_samples, "max_samples")
    check_count(random_state, "random_state", minimum=0)
    check_flag(keep_on_device, "keep_on_device")
    check_flag(return_samples, "return_samples")
    look = Look(
        pooling, channels, batch_size, max_samples, random_state, keep_on_device
    )
    found = _look(model, X, layers, look)
    return found if return_samples else found[0]


def _look(model, X, layers, look):
    """Activations of any model, and the sample of each row."""
    X = gathered(X)
    if is_module(model):
        return module_activations(model, X, layers, look)
    before, network = split(unwrapped(model))
    if is_net(network):
        return net_activations(network, before(X), layers, look)
    if not is_perceptron(network):
        raise TypeError(
            "model must be an MLPClassifier or MLPRegressor, a net of skorch, a "
            f"pipeline that ends in one, or a torch.nn.Module; got {network!r}."
        )
    X = taken_in(X)
    samples = chosen_samples(count_inputs(X), look.max_samples, look.seed)
    if len(samples) < count_inputs(X):
        X = take_inputs(X, samples)
    return _of_perceptron(network, before, X, layers), samples


def _of_perceptron(mlp, before, X, layers):
    """Activations of X in layers of a perceptron, by name."""
    activations = perceptron_activations(mlp, before(X))
    if layers is None:
        return activations
    names = list(activations)
    asked = [layers] if isinstance(layers, (str, Integral)) else layers
    chosen, _ = choose_names(names, [_hidden_name(names[:-1], one) for one in asked])
    return {name: activations[name] for name in chosen}


def _hidden_name(hidden, layer):
    """Name of a hidden layer by its number; names as they are."""
    if not isinstance(layer, Integral):
        return layer
    if not 1 <= abs(layer) <= len(hidden):
        raise ValueError(
            f"layers must be numbers from 1 to {len(hidden)}, or from the last, -1, to "
            f"-{len(hidden)}; got {layer!r}."
        )
    return hidden[layer - (layer > 0)]
