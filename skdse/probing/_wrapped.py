"""Networks that are wrapped: compiled, or spread over devices and processes.

Layers keep the names that they have in the network itself. A copy that is whole is
looked at by itself. Of shards, all processes must run the forward pass together. One
process measures and writes; the others wait, and raise the error that it raises.
"""

import pickle
from contextlib import contextmanager

from ._inputs import imported_torch

# What holds the whole network in an attribute, by class.
WRAPPERS = {
    "OptimizedModule": "_orig_mod",
    "DistributedDataParallel": "module",
    "DataParallel": "module",
}
# Parts of names that wrappers inside a network put in.
WRAPPING = ("_orig_mod", "_fsdp_wrapped_module", "_checkpoint_wrapped_module")


def inside(module):
    """Network that a compiled module or one copied to devices is wrapped around."""
    while (name := WRAPPERS.get(type(module).__name__)) is not None:
        module = getattr(module, name)
    return module


def named_layers(module, remove_duplicate=True):
    """Layers by the names that they have without wrappers; of both, what is inside."""
    found = {}
    for name, one in module.named_modules(remove_duplicate=remove_duplicate):
        parts = [part for part in name.split(".") if part not in WRAPPING]
        found[".".join(parts)] = one
    return found


def leaves(module):
    """Layers without others inside, by name; what quantized ones hold is no layer."""
    return {
        name: one
        for name, one in named_layers(module).items()
        if not [*one.children()] or _is_quantized(one)
    }


def _is_quantized(module):
    """Whether a layer is one of torch that keeps its weights packed."""
    path = type(module).__module__
    return path.startswith("torch.ao.nn.") and "quantized" in path


def check_can_look(modules):
    """Raise of a network, named "", or layer into which no hooks reach."""
    for name, one in modules.items():
        if isinstance(one, imported_torch().jit.ScriptModule):
            what = f"layer {name!r}" if name else "model"
            other = ", or choose other layers" if name else ""
            raise TypeError(
                f"{what} must be a module of Python, whose layers can be looked at; "
                "got a TorchScript module. Pass the module that it was made "
                f"from{other}."
            )


@contextmanager
def not_compiled():
    """Context in which compiled code is left aside: it does not call new hooks."""
    set_stance = getattr(imported_torch().compiler, "set_stance", None)
    if set_stance is None:  # before torch 2.6
        yield
        return
    with set_stance("force_eager"):
        yield


def is_sharded(module):
    """Whether parts of a network are in several processes, so that all must run it."""
    if n_processes() == 1:
        return False
    names = "FullyShardedDataParallel", "FSDPModule"
    kinds = {kind.__name__ for one in module.modules() for kind in type(one).__mro__}
    return not kinds.isdisjoint(names)


def n_processes():
    """Return the number of processes that train together."""
    group = _group()
    return 1 if group is None else group.get_world_size()


def is_first():
    """Whether this process is the one that measures and writes."""
    group = _group()
    return group is None or group.get_rank() == 0


def agreed(value):
    """Value of the first process, in all of them."""
    values = [value]
    _group().broadcast_object_list(values, src=0)
    return values[0]


@contextmanager
def together():
    """Context that all processes leave alike: what one raises, all raise.

    Otherwise a process that ends would leave the others waiting for it.
    """
    if n_processes() == 1:
        yield
        return
    mine = None
    try:
        yield
    except Exception as error:
        mine = error
    errors = [None] * n_processes()
    _group().all_gather_object(errors, _portable(mine))
    if mine is not None:
        raise mine
    for process, theirs in enumerate(errors):
        if theirs is not None:
            theirs.add_note(f"Raised in process {process} of {len(errors)}.")
            raise theirs


def _portable(error):
    """Error that other processes can be given: itself, or one of its text."""
    try:
        return error if error is None else pickle.loads(pickle.dumps(error))
    except Exception:
        return RuntimeError(f"{type(error).__name__}: {error}")


def _group():
    """Functions of torch for processes that train together; None where there is one."""
    torch = imported_torch()
    if torch is None or not torch.distributed.is_available():
        return None
    return torch.distributed if torch.distributed.is_initialized() else None
