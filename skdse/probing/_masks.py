"""Which tokens of a batch are padding, and warnings where nobody says.

arguments of a network, by name ─► mask of a layer: 1 for each token, 0 for padding.
"""

import inspect
import warnings
from collections.abc import Mapping
from contextlib import contextmanager

from ._inputs import imported_torch

# Arguments that are 0 or False for tokens, as torch.nn.TransformerEncoder has them.
OF_PADDING = ("src_key_padding_mask", "key_padding_mask")
# Arguments that tell something else of tokens.
OF_OTHERS = ("special_tokens_mask", "bool_masked_pos", "global_attention_mask")
# Kinds of warnings, one of each for all batches.
NO_MASK, UNKNOWN, OTHER_LENGTH = "no mask", "unknown mask", "other length"


class Masks:
    """Masks of one batch after another; warnings where tokens of padding count.

    Parameters
    ----------
    module : torch.nn.Module
        Network that gets the batches.
    """

    def __init__(self, module):
        self._names = list(inspect.signature(module.forward).parameters)
        self._padding = _padding_token(module)
        self._found = {}

    def begin(self, batch):
        """Take the masks of a batch."""
        self._named = _by_name(batch, self._names)
        self._mask, self._unknown = _mask_of(self._named), None
        if self._mask is None:
            self._unknown = _unknown_mask(self._named)
        if self._mask is None and self._unknown is None and self._begins_or_ends():
            self._found[NO_MASK] = self._padding

    def of(self, layer, n_tokens=None):
        """Mask of the tokens of a layer, which gives so many of each sample; or None.

        The tokens of a decoder have a mask of their own.
        """
        mask = self._mask
        decodes = any(name.startswith("decoder_") for name in self._named)
        if decodes and "decoder" in layer:
            mask = _flat(self._named.get("decoder_attention_mask"))
        elif n_tokens is not None and self._unknown is not None:
            mask_of_these = self._named[self._unknown]
            if mask_of_these.ndim != 2 or mask_of_these.shape[1] == n_tokens:
                self._found.setdefault(UNKNOWN, self._unknown)
        if n_tokens is not None and mask is not None and mask.shape[1] != n_tokens:
            if not bool((mask > 0).all()):
                self._found.setdefault(OTHER_LENGTH, (layer, n_tokens, mask.shape[1]))
        return mask

    def warn(self):
        """Warn of padding that counted as tokens."""
        for kind, what in self._found.items():
            warnings.warn(_MESSAGES[kind](what), UserWarning, stacklevel=2)

    def _begins_or_ends(self):
        """Whether a sample begins or ends with the token of padding."""
        ids = self._named.get("input_ids", next(iter(self._named.values()), None))
        if self._padding is None or getattr(ids, "ndim", 0) != 2 or not len(ids):
            return False
        ids = imported_torch().as_tensor(ids)
        if ids.is_floating_point() or ids.shape[1] < 2:
            return False
        return bool((ids[:, [0, -1]] == self._padding).any())


@contextmanager
def no_fast_path():
    """Context in which torch.nn.TransformerEncoder keeps all tokens in their places.

    With a mask, its fast path drops padding and gives nested tensors.
    """
    mha = getattr(imported_torch().backends, "mha", None)
    if mha is None:  # before torch 2.2
        yield
        return
    before = mha.get_fastpath_enabled()
    mha.set_fastpath_enabled(False)
    try:
        yield
    finally:
        mha.set_fastpath_enabled(before)


_MESSAGES = {
    NO_MASK: lambda token: (
        f"X has no mask, but samples begin or end with the token of padding, {token}: "
        "padding counts as tokens. Pass a dictionary that has the 'attention_mask' of "
        "the tokenizer, too."
    ),
    UNKNOWN: lambda name: (
        f"X has {name!r}, but does not say by it which tokens are padding: all of them "
        "count. Add an 'attention_mask' of shape (n_samples, n_tokens), 1 for tokens "
        "and 0 for padding."
    ),
    OTHER_LENGTH: lambda found: (
        f"layer {found[0]!r} gives {found[1]} tokens, the mask is one of {found[2]}: "
        "padding counts as tokens there. Choose layers with a token for each entry of "
        "it, or a pooling that takes it."
    ),
}


def _by_name(batch, names):
    """Arguments of a network by name."""
    if isinstance(batch, Mapping):
        return dict(batch)
    batch = batch if isinstance(batch, (tuple, list)) else (batch,)
    return dict(zip(names, batch, strict=False))


def _mask_of(named):
    """Mask that is 1 or True for tokens, or None."""
    mask = _flat(named.get("attention_mask"))
    if mask is not None:
        return mask
    found = (_flat(named.get(name)) for name in OF_PADDING)
    padding = next((one for one in found if one is not None), None)
    return None if padding is None else padding == 0


def _flat(mask):
    """Return the mask if it has an entry for each token, else None."""
    return mask if getattr(mask, "ndim", 0) == 2 else None


def _unknown_mask(named):
    """Name of an argument that may be a mask of padding, or None."""
    for name, value in named.items():
        n_axes = getattr(value, "ndim", 0)
        if name == "attention_mask" and n_axes > 2:
            return name
        is_mask = "mask" in name or "padding" in name
        if is_mask and n_axes == 2 and not name.startswith((*OF_OTHERS, "decoder_")):
            return name
    return None


def _padding_token(module):
    """Number of the token of padding, where the network has one, or None."""
    config = getattr(module, "config", None)
    token = getattr(config, "pad_token_id", None)
    if token is not None:
        # Where padding is the token that ends a text, it is no sign.
        return None if token == getattr(config, "eos_token_id", None) else token
    tokens = (getattr(one, "padding_idx", None) for one in module.modules())
    return next((token for token in tokens if token is not None), None)
