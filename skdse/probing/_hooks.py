"""Activations of layers of PyTorch modules and skorch nets, caught by forward hooks.

batches ─► model, hooks on chosen layers ─► pooled, rows chosen ─► Z of each layer, as
NumPy arrays or as tensors where they are.

torch is imported by whoever made the model, never from here at the top.
"""

from contextlib import ExitStack, contextmanager
from fnmatch import fnmatchcase
from functools import partial
from math import ceil
from numbers import Integral
from typing import Any, NamedTuple

import numpy as np
from sklearn.utils.validation import check_is_fitted

from ._inputs import (
    as_input,
    batches_of,
    count_inputs,
    imported_torch,
    is_stream,
    run,
    samples_of,
    take_inputs,
)
from ._masks import Masks, no_fast_path
from ._pooling import (
    MAX_TOKENS,
    POOLINGS_OF_TOKENS,
    as_tokens,
    channels_of,
    checked_tensor,
    first_tensor,
    mask_for,
    pooled,
)
from ._rows import Rows
from ._selection import Selection, chosen_samples
from ._wrapped import check_can_look, inside, leaves, named_layers, not_compiled

# Names that an error lists.
N_LISTED = 20
# Rows in memory for each that is kept, before others are left out.
SURPLUS = 1.1
# Names that stand for the outputs that a model of transformers or timm calls its own.
HIDDEN_STATES, FEATURE_INFO = "hidden_states", "feature_info"


class Look(NamedTuple):
    """How one looks into a network, see `layer_activations`."""

    pooling: Any = "mean"
    channels: str = "auto"
    batch_size: int = 256
    max_samples: int | None = None
    seed: int = 0
    keep_on_device: bool = False


LOOK = Look()


def is_module(model):
    """Whether the model is a module of PyTorch."""
    torch = imported_torch()
    return torch is not None and isinstance(model, torch.nn.Module)


def is_net(model):
    """Whether the model is a net of skorch, by what of it is used here."""
    needed = ("get_dataset", "get_iterator", "evaluation_step")
    return all(hasattr(type(model), name) for name in needed)


def module_activations(module, X, layers=None, look=LOOK):
    """Activations of X in layers of a module by name, and the sample of each row."""
    module = inside(module)
    check_can_look({"": module})
    is_known = not is_stream(X) and look.pooling != "tokens"
    chosen = None
    if look.max_samples is not None and is_known:
        # Samples that are not looked at need not pass through the network.
        chosen = chosen_samples(count_inputs(X), look.max_samples, look.seed)
        X = take_inputs(X, chosen)
    more = _asked_of_model(module, layers)

    def steps():
        for batch in batches_of(X, look.batch_size):
            batch = as_input(batch, module)
            yield batch, partial(run, module, batch, **more)

    n_rows = count_inputs(X) if is_known else None
    activations, samples = _catch(module, steps(), layers, look, n_rows)
    return activations, samples if chosen is None else chosen[samples]


def net_activations(net, X, layers=None, look=LOOK):
    """Activations of X in layers of the module of a skorch net, by name, and samples.

    X is what the net predicts from, in batches of its own.
    """
    check_is_fitted(net, "module_")

    def steps():
        # Not forward_iter: EpochScoring puts stored predictions in its place.
        for batch in net.get_iterator(net.get_dataset(X), training=False):
            run_net = partial(net.evaluation_step, batch, training=False)
            yield samples_of(batch), run_net

    return _catch(inside(net.module_), steps(), layers, look)


def layer_names(module):
    """Names of the layers of a module that patterns can match."""
    return [name for name in named_layers(inside(module)) if name]


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


def _asked_of_model(module, layers):
    """Arguments by which a model of transformers gives its hidden states, if asked."""
    asked = [layers] if isinstance(layers, (str, Integral)) else layers or []
    if HIDDEN_STATES not in asked or HIDDEN_STATES in dict(module.named_modules()):
        return {}
    if not hasattr(getattr(module, "config", None), "output_hidden_states"):
        raise ValueError(
            f"layers={HIDDEN_STATES!r} needs a model of transformers, with such a "
            f"setting in its config; got {type(module).__name__}. Name its layers."
        )
    return {"output_hidden_states": True, "return_dict": True}


def _choose_modules(module, layers):
    """Chosen modules by name, and the names that must give something."""
    if layers is None:
        return leaves(module), set()
    modules = named_layers(module, remove_duplicate=False)
    layers = [layers] if isinstance(layers, (str, Integral)) else list(layers)
    if FEATURE_INFO in layers and FEATURE_INFO not in modules:
        layers = [*layers]
        place = layers.index(FEATURE_INFO)
        layers[place : place + 1] = _feature_names(module)
    if _asked_of_model(module, layers):
        layers.remove(HIDDEN_STATES)
        if not layers:
            return {}, set()
    chosen, exact = choose_names(layer_names(module), layers, modules)
    return {name: modules[name] for name in chosen}, exact


def _feature_names(module):
    """Names of the layers that a model of timm calls its features."""
    features = getattr(module, FEATURE_INFO, None)
    if features is None:
        raise ValueError(
            f"layers={FEATURE_INFO!r} needs a model of timm, which has such a list; "
            f"got {type(module).__name__}. Name its layers."
        )
    return [one["module"] for one in features]


class _Catcher:
    """What hooks have caught, batch by batch."""

    def __init__(self, look, module, n_rows):
        is_capped = look.pooling == "tokens" and look.max_samples is None
        self.look, self.layers, self._caught = look, {}, {}
        self._masks = Masks(module)
        self.rows = Selection(MAX_TOKENS if is_capped else look.max_samples, look.seed)
        self._n_rows = n_rows

    def begin(self, batch):
        """Begin with a batch."""
        self._n_samples, self._shape = count_inputs(batch), None
        self._masks.begin(batch)
        self._chosen = self.rows.choose(self._n_samples)
        self._caught = {}

    def catch(self, name, module, output):
        """Take the output of a layer. Of several calls in one pass the last counts."""
        Z = checked_tensor(name, output)
        channels = channels_of(module, Z.shape, self.look.channels)
        mask = self._mask_of(name, Z, channels)
        if self.look.pooling == "tokens":
            Z, n_rows = self._tokens(name, Z, channels, mask), self._n_samples
        else:
            Z = pooled(name, Z, self.look.pooling, mask, channels)
            n_rows = len(Z)
            Z = self._chosen_of(Z) if n_rows == self._n_samples else Z
        # Copied at once: the next layer may work in place.
        kept = Z.clone() if self.look.keep_on_device else Z.to("cpu", copy=True).numpy()
        self._caught[name] = n_rows, kept

    def catch_hidden_states(self, module, args, output):
        """Take the hidden states that a model of transformers returns."""
        for i, Z in enumerate(output.hidden_states):
            self.catch(f"{HIDDEN_STATES}.{i}", module, Z)

    def end(self):
        """Add what the batch gave to what there is."""
        for name, (n_rows, Z) in self._caught.items():
            _check_rows(name, n_rows, self._n_samples)
            if name not in self.layers:
                self.layers[name] = self._new_rows(name, Z)
            self.layers[name].append(Z)
        self.rows.add(self._n_samples, self._chosen)
        self._leave_out(self.rows.leave_out(SURPLUS))

    def _new_rows(self, name, Z):
        """No rows of a layer yet, with room for all there are at a time."""
        limit, most = self.rows.max_rows, self._n_rows
        if limit is not None:
            # Some are left out as soon as there are more than the surplus.
            surplus = ceil(SURPLUS * limit) + len(Z)
            most = surplus if most is None else min(surplus, most)
        return Rows(name, most)

    def finish(self, names):
        """Activations of the layers by name; hidden states after them."""
        self._leave_out(self.rows.leave_out(1))
        self._masks.warn()
        names = [name for name in names if name in self.layers]
        names += [name for name in self.layers if name not in names]
        # Layer by layer, so that no more than one is held twice.
        return {name: self.layers.pop(name).finish() for name in names}

    def _mask_of(self, name, Z, channels):
        """Mask of the tokens that a layer gives."""
        counts = Z.ndim == 3 and self.look.pooling in POOLINGS_OF_TOKENS
        return self._masks.of(name, as_tokens(Z, channels).shape[1] if counts else None)

    def _tokens(self, name, Z, channels, mask):
        """Tokens that are kept, a row for each."""
        if Z.ndim < 3 or len(Z) != self._n_samples:
            raise ValueError(
                f"pooling='tokens' needs layers that give tokens for each sample; "
                f"layer {name!r} gives shape {tuple(Z.shape)} for {self._n_samples} "
                "samples. Choose other layers."
            )
        tokens = as_tokens(Z, channels)
        shape = tuple(tokens.shape[:2])
        if self._shape not in (None, shape):
            raise ValueError(
                "pooling='tokens' needs layers with as many tokens each; layer "
                f"{name!r} gives {shape[1]}, others {self._shape[1]}. Take them apart."
            )
        if self._shape is None:
            self._shape = shape
            mask = mask_for(tokens, mask)
            is_token = np.ones(shape, bool) if mask is None else mask.cpu().numpy()
            self._chosen = self.rows.choose(self._n_samples, is_token)
        return self._chosen_of(tokens.flatten(0, 1))

    def _chosen_of(self, Z):
        """Rows of a tensor that were chosen."""
        rows = self._chosen[0]
        if len(rows) == len(Z):
            return Z
        return Z[imported_torch().as_tensor(rows, device=Z.device)]

    def _leave_out(self, kept):
        """Keep these rows of all layers; None is all."""
        for rows in self.layers.values() if kept is not None else ():
            rows.keep(kept)


def _catch(module, steps, layers, look, n_rows=None):
    """Activations of chosen layers while steps run the module, and samples of rows.

    Each step is a batch, and what runs the module with it; n_rows is the number of rows
    in all steps, as far as it is known.
    """
    modules, exact = _choose_modules(module, layers)
    check_can_look(modules)
    catcher = _Catcher(look, module, n_rows)

    def hook(name, one, args, output):
        catcher.catch(name, one, output)

    with ExitStack() as stack:
        stack.enter_context(_undisturbed(module))
        handles = [
            one.register_forward_hook(partial(hook, name))
            for name, one in modules.items()
        ]
        if _asked_of_model(module, layers):
            handles.append(module.register_forward_hook(catcher.catch_hidden_states))
        for handle in handles:
            stack.callback(handle.remove)
        for batch, run_batch in steps:
            catcher.begin(batch)
            run_batch()
            catcher.end()
    missing = [name for name in modules if name not in catcher.layers]
    if exact & set(missing) or not catcher.layers:
        names = [name for name in missing if name in exact] or missing[:N_LISTED]
        raise ValueError(
            f"layers {names} were not called in the forward pass of the model: they "
            "have no activations. Choose those that call them or that they hold."
        )
    return catcher.finish(modules), catcher.rows.samples


@contextmanager
def _undisturbed(module):
    """Context in evaluation mode and without gradients, which leaves no trace.

    Each part's mode is put back, and the random state of torch, from which even an
    iteration over a DataLoader draws: training goes on as if nothing had been.
    """
    torch = imported_torch()
    training = {one: one.training for one in module.modules()}
    devices = {p.device for p in module.parameters() if p.device.type == "cuda"}
    try:
        with (
            torch.no_grad(),
            not_compiled(),
            no_fast_path(),
            torch.random.fork_rng([*devices]),
        ):
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
        output = first_tensor(output)
        several = output is not None and output.ndim == 2 and output.shape[1] > 1
        classes.append(output.argmax(dim=1).cpu().numpy() if several else None)

    handle = module.register_forward_hook(hook)
    try:
        yield classes
    finally:
        handle.remove()


def _check_rows(name, n_rows, n_samples):
    """Raise unless a layer gave a row for each sample of the batch."""
    if n_rows != n_samples:
        raise ValueError(
            f"layer {name!r} gives {n_rows} rows for a batch of {n_samples} samples; "
            "the first dimension of its output must be the samples."
        )
