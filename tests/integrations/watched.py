"""Trackers and callbacks that are watched as they look at a network."""

import random
from contextlib import contextmanager
from importlib import import_module

import numpy as np

from skdse.probing import RepresentationTracker

HOOKS = ("_forward_hooks", "_forward_pre_hooks", "_backward_hooks")


class Watched(RepresentationTracker):
    """Tracker that remembers which epochs it has measured, and is watched as it does.

    `modes` has the mode of each part of the network in each pass.
    """

    def __call__(self, model, epoch=None):
        before = len(getattr(self, "records_", []))
        with untouched(getattr(model, "module_", model)) as modes:
            found = super().__call__(model, epoch)
        self.__dict__.setdefault("modes", []).extend(modes)
        assert not any(modes), "measured in training mode"
        if len(self.records_) > before:
            self.__dict__.setdefault("measured", []).append(epoch)
        return found


def watch(callback, module_of):
    """Watch all that a callback does; module_of gives the network it is called for."""
    calls = []

    def watched(name, call):
        def during(*args, **kwargs):
            module = module_of(*args, **kwargs)
            calls.append(name)
            if module is None:
                return call(*args, **kwargs)
            with untouched(module):
                return call(*args, **kwargs)

        return during

    for name in dir(callback):
        if name.startswith("on_") and callable(getattr(callback, name)):
            setattr(callback, name, watched(name, getattr(callback, name)))
    callback.calls = calls
    return callback


@contextmanager
def untouched(module):
    """Context that a network must leave as it was, with all random states.

    It gives a list with the mode of each part in each pass. Parameters that have no
    gradient get one for so long.
    """
    torch = import_module("torch")
    given = [one for one in module.parameters() if one.grad is None]
    for one in given:
        one.grad = torch.full_like(one, 0.5)
    before, modes = _state(module), []
    handles = [
        one.register_forward_pre_hook(lambda part, args: modes.append(part.training))
        for one in module.modules()
    ]
    try:
        yield modes
    finally:
        for handle in handles:
            handle.remove()
    for what, state in _state(module).items():
        assert _same(before[what], state), f"changed: {what}"
    for one in given:
        one.grad = None


def _state(module):
    """State of a module and of all that draws, by what it is."""
    torch = import_module("torch")
    parts, parameters = list(module.modules()), list(module.parameters())
    kind, keys, *rest = np.random.get_state()
    return {
        "modes": [one.training for one in parts],
        "hooks": [len(getattr(one, name)) for one in parts for name in HOOKS],
        "gradients": [one.grad.clone() for one in parameters],
        "gradients needed": [one.requires_grad for one in parameters],
        "gradients of all": torch.is_grad_enabled(),
        "weights": [one.detach().clone() for one in parameters],
        "buffers": [one.clone() for one in module.buffers()],
        "random state of torch": [torch.get_rng_state()],
        "random state of NumPy": [kind, keys.tolist(), *rest],
        "random state of Python": random.getstate(),
    }


def _same(one, other):
    """Whether two states are the same, bit for bit."""
    if not isinstance(one, list):
        return one == other
    equal = import_module("torch").equal
    return len(one) == len(other) and all(
        equal(a, b) if hasattr(a, "dtype") and hasattr(a, "device") else a == b
        for a, b in zip(one, other, strict=True)
    )
