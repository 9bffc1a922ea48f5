"""Activations of layers of PyTorch modules and skorch nets, caught by forward hooks.

batches ─► model, hooks on chosen layers ─► pooled ─► Z of each layer, as NumPy arrays
or as tensors where they are.

torch is imported by whoever made the model, never from here at the top.
"""

from contextlib import ExitStack, contextmanager
from fnmatch import fnmatchcase
from functools import partial
from itertools import chain
from numbers import Integral

import numpy as np
from sklearn.utils import gen_batches
from sklearn.utils.validation import check_is_fitted

from .._tools.arrays import is_device_array

POOLINGS = ("flatten", "mean")
# Names that an error lists.
N_LISTED = 20


def is_module(model):
    """Whether the model is a module of PyTorch."""
    torch = _torch()
    return torch is not None and isinstance(model, torch.nn.Module)


def is_net(model):
    """Whether the model is a net of skorch, by what of it is used here."""
    needed = ("get_dataset", "get_iterator", "evaluation_step")
    return all(hasattr(type(model), name) for name in needed)


def module_activations(
    module, X, layers=None, pooling="mean", batch_size=256, keep_on_device=False
):
    """Activations of X in layers of a module of PyTorch, by name."""

    def outputs():
        for batch in _batches(X, batch_size):
            batch = _as_input(batch, module)
            module(batch)
            yield len(batch)

    return _catch(module, outputs(), layers, pooling, keep_on_device)


def net_activations(net, X, layers=None, pooling="mean", keep_on_device=False):
    """Activations of X in layers of the module of a skorch net, by name.

    X is what the net predicts from, in batches of its own.
    """
    check_is_fitted(net, "module_")

    def outputs():
        # Not forward_iter: EpochScoring puts stored predictions in its place.
        iterator = net.get_iterator(net.get_dataset(X), training=False)
        for batch in iterator:
            yield len(_first_tensor(net.evaluation_step(batch, training=False)))

    return _catch(net.module_, outputs(), layers, pooling, keep_on_device)


def layer_names(module):
    """Names of the layers of a module that patterns can match."""
    return [name for name, _ in module.named_modules() if name]


def choose_names(names, layers, also=()):
    """Names that layers asks for, and those of them that it gives in full.

    layers is a name, a pattern or a list of these; also are names that no pattern
    matches.
    """
    chosen, exact = {}, set()
    for one in [layers] if isinstance(layers, (str, Integral)) else layers:
        if not isinstance(one, str):
            raise TypeError(f"layers must be names or patterns; got {one!r}.")
        if one in names or one in also:
            found = [one]
            exact.add(one)
        else:
            found = [name for name in names if fnmatchcase(name, one)]
        if not found:
            listed = ", ".join(map(repr, names[:N_LISTED]))
            more = ", ..." if len(names) > N_LISTED else ""
            raise ValueError(
                f"layers must name layers of the model; {one!r} matches none of "
                f"{listed}{more}."
            )
        chosen |= dict.fromkeys(found)
    if not chosen:
        raise ValueError(f"layers must have at least one entry; got {layers!r}.")
    return list(chosen), exact


def _torch():
    """Return torch where it was imported, which who has a module has done."""
    import sys

    return sys.modules.get("torch")


def _choose_modules(module, layers):
    """Chosen modules by name, and the names that must give something."""
    if layers is None:
        leaves = {
            name: one for name, one in module.named_modules() if not [*one.children()]
        }
        return leaves, set()
    modules = dict(module.named_modules(remove_duplicate=False))
    chosen, exact = choose_names(layer_names(module), layers, modules)
    return {name: modules[name] for name in chosen}, exact


def _catch(module, outputs, layers, pooling, keep_on_device):
    """Activations of chosen layers while outputs, an iterator, runs the module."""
    modules, exact = _choose_modules(module, layers)
    caught, parts = {}, {name: [] for name in modules}

    def hook(name, module, args, output):
        # Of several calls in one pass the last one counts. Copied at once: the next
        # layer may work in place.
        Z = _pooled(name, output, pooling)
        caught[name] = Z.clone() if keep_on_device else Z.to("cpu", copy=True).numpy()

    with ExitStack() as stack:
        stack.enter_context(_undisturbed(module))
        for name, one in modules.items():
            handle = one.register_forward_hook(partial(hook, name))
            stack.callback(handle.remove)
        for n_samples in outputs:
            for name, Z in caught.items():
                _check_rows(name, Z, n_samples)
                parts[name].append(Z)
            caught.clear()
    missing = [name for name in parts if not parts[name]]
    if exact & set(missing) or len(missing) == len(parts):
        names = [name for name in missing if name in exact] or missing[:N_LISTED]
        raise ValueError(
            f"layers {names} were not called in the forward pass of the model: they "
            "have no activations. Choose those that call them or that they hold."
        )
    # Part by part, so that no more than one layer is held twice.
    join = _torch().cat if keep_on_device else np.concatenate
    return {name: join(parts.pop(name)) for name in modules if parts[name]}


@contextmanager
def _undisturbed(module):
    """Context in evaluation mode and without gradients, which leaves no trace.

    Each part's mode is put back, and the random state of torch, from which even an
    iteration over a DataLoader draws: training goes on as if nothing had been.
    """
    torch = _torch()
    training = {one: one.training for one in module.modules()}
    devices = {p.device for p in module.parameters() if p.device.type == "cuda"}
    try:
        with torch.no_grad(), torch.random.fork_rng([*devices]):
            module.eval()
            yield
    finally:
        for one, mode in training.items():
            one.training = mode


@contextmanager
def predictions(module):
    """Context in which a list gets the class of the largest output of each sample.

    None stands for outputs that are no scores of several classes.
    """
    classes = []

    def hook(module, args, output):
        output = _first_tensor(output)
        several = output is not None and output.ndim == 2 and output.shape[1] > 1
        classes.append(output.argmax(dim=1).cpu().numpy() if several else None)

    handle = module.register_forward_hook(hook)
    try:
        yield classes
    finally:
        handle.remove()


def _batches(X, batch_size):
    """Batches of samples of an array, a tensor, a Dataset or a DataLoader."""
    data = _torch().utils.data
    if isinstance(X, data.Dataset):
        X = data.DataLoader(X, batch_size)
    if isinstance(X, data.DataLoader):
        for batch in X:  # samples alone, or with targets behind them
            yield batch[0] if isinstance(batch, (list, tuple)) else batch
        return
    if not isinstance(X, _torch().Tensor):
        X = _torch().from_dlpack(X) if is_device_array(X) else np.asarray(X)
    for rows in gen_batches(len(X), batch_size):
        yield X[rows]


def _as_input(batch, module):
    """Batch as a tensor on the device of the module; floats in its precision."""
    torch = _torch()
    if not isinstance(batch, torch.Tensor):
        # A copy: what is read-only, as files mapped into memory are, torch warns of.
        batch = torch.tensor(np.asarray(batch))
    like = next(chain(module.parameters(), module.buffers()), None)
    if like is None:
        return batch
    floats = batch.is_floating_point() and like.is_floating_point()
    return batch.to(like.device, like.dtype if floats else batch.dtype)


def _first_tensor(output):
    """Return the tensor that a module gives: of several, the first; None of none."""
    if isinstance(output, _torch().Tensor):
        return output
    if isinstance(output, dict):
        output = list(output.values())
    if isinstance(output, (list, tuple)):
        found = map(_first_tensor, output)
        return next((one for one in found if one is not None), None)
    return None


def _pooled(name, output, pooling):
    """Output of a layer as a tensor (n_samples, n_features), maybe a view of it."""
    torch = _torch()
    Z = _first_tensor(output)
    if Z is None or Z.ndim == 0 or Z.is_complex():
        what = type(output).__name__ if Z is None else f"{Z.dtype}, {Z.ndim}d"
        raise ValueError(
            f"layer {name!r} must give real numbers for each sample, in a tensor or "
            f"first in a tuple, list or dict; it gives {what}."
        )
    Z = Z.detach()
    if Z.dtype not in (torch.float32, torch.float64):  # NumPy knows no bfloat16
        Z = Z.float()
    if callable(pooling):
        Z = pooling(Z)
    elif pooling == "mean" and Z.ndim == 3:  # tokens: (samples, tokens, features)
        Z = Z.mean(dim=1)
    elif pooling == "mean" and Z.ndim > 3:  # maps: (samples, channels, height, ...)
        Z = Z.flatten(2).mean(dim=2)
    return Z.reshape(len(Z), -1)


def _check_rows(name, Z, n_samples):
    """Raise unless a layer gave a row for each sample of the batch."""
    if len(Z) != n_samples:
        raise ValueError(
            f"layer {name!r} gives {len(Z)} rows for a batch of {n_samples} samples; "
            "the first dimension of its output must be the samples."
        )
