"""From the output of a layer to a row for each sample, or for each token.

(samples, tokens, features) and (samples, channels, height, ...) ─► (rows, features).
"""

import inspect

from ._inputs import imported_torch

POOLINGS = ("cls", "flatten", "last", "max", "mean", "tokens")
# Those that look at tokens one by one, and so leave padding out.
POOLINGS_OF_TOKENS = ("cls", "last", "max", "mean", "tokens")
# Ends of the names of what is given to a network, not made by it.
GIVEN = ("_ids", "_mask")
CHANNELS = ("auto", "first", "last")
# Rows that pooling="tokens" keeps where nobody says how many.
MAX_TOKENS = 10_000


def first_tensor(output):
    """Return the tensor that a module gives: of several, the first; None of none.

    A single number, such as the loss before the logits, is passed over if it can be.
    """
    found = list(_tensors(output))
    return next((one for one in found if one.ndim), found[0] if found else None)


def _tensors(output):
    """All tensors in an output."""
    if isinstance(output, imported_torch().Tensor):
        yield output
    elif isinstance(output, dict):
        yield from _tensors(_own(output))
    elif isinstance(output, (list, tuple)):
        for one in output:
            yield from _tensors(one)


def _own(output):
    """Values of a dictionary that a layer made, without tokens and masks it was given.

    Modules of Sentence Transformers return all they were given, and what they add last.
    """
    if "sentence_embedding" in output:
        return [output["sentence_embedding"]]
    named = [one for name, one in output.items() if not name.endswith(GIVEN)]
    return named or list(output.values())


def checked_tensor(name, output):
    """Tensor of real floats that a layer gives, without its gradient, or raise."""
    torch = imported_torch()
    Z = first_tensor(output)
    if Z is None or Z.is_nested or Z.ndim == 0 or Z.is_complex():
        what = type(output).__name__ if Z is None else f"{Z.dtype}, {Z.ndim}d"
        what = "a nested tensor" if Z is not None and Z.is_nested else what
        raise ValueError(
            f"layer {name!r} must give real numbers for each sample, in a tensor or "
            f"first in a tuple, list or dict; it gives {what}."
        )
    Z = Z.detach()
    if Z.is_quantized:
        Z = Z.dequantize()
    return Z if Z.dtype in (torch.float32, torch.float64) else Z.float()


def pooled(name, Z, pooling, mask=None, channels="last"):
    """Tensor of a layer as (n_samples, n_features), maybe a view of it.

    mask is None or has 1 for each token and 0 for padding.
    """
    if callable(pooling):
        Z = pooling(Z, mask=mask) if _takes_mask(pooling) else pooling(Z)
    elif Z.ndim > 2 and pooling != "flatten":
        if pooling in ("cls", "last") and Z.ndim > 3:
            raise ValueError(
                f"pooling={pooling!r} needs tokens; layer {name!r} gives maps of "
                f"shape {tuple(Z.shape)}. Use 'mean', 'max' or 'flatten'."
            )
        tokens = as_tokens(Z, channels)
        Z = _POOLS[pooling](tokens, mask_for(tokens, mask))
    return Z.reshape(len(Z), -1)


def as_tokens(Z, channels):
    """Tensor of tokens or maps as (n_samples, n_positions, n_features), a view."""
    if channels == "first":
        return Z.flatten(2).movedim(1, 2)
    return Z.flatten(1, -2)


def mask_for(tokens, mask):
    """Mask of the tokens as bools where they are; None where it is not of them."""
    if mask is None or tuple(mask.shape) != tuple(tokens.shape[:2]):
        return None
    return imported_torch().as_tensor(mask).to(tokens.device) > 0


def channels_of(module, shape, channels="auto"):
    """Whether the features of an output are its "first" or "last" axis after samples.

    "auto" looks at the layers inside the module, whose widths are those of features.
    """
    if channels != "auto" or len(shape) < 3:
        return channels
    if str(getattr(module, "output_fmt", "")).rpartition(".")[2] == "NHWC":
        return "last"
    as_first, widths = _widths(module, len(shape))
    if shape[1] in as_first and (len(shape) > 3 or shape[-1] not in widths):
        return "first"
    return "last" if len(shape) == 3 or shape[-1] in widths else "first"


def _widths(module, n_axes):
    """Widths of layers that work on channels first, and of all layers."""
    nn = imported_torch().nn
    first, last = set(), set()
    for one in module.modules():
        if isinstance(one, nn.LayerNorm):
            last.add(one.normalized_shape[-1])
        elif isinstance(one, (nn.Linear, nn.Embedding)):
            last.add(getattr(one, "out_features", None) or one.embedding_dim)
        elif isinstance(one, nn.GroupNorm):
            first.add(one.num_channels)
        else:
            first |= _width_of_maps(one, n_axes)
    return first, first | last


def _width_of_maps(module, n_axes):
    """Width of a convolution or normalisation of maps, in a set; empty of others.

    Outputs of three axes are channels first only after those of one dimension: others
    make patches, of which tokens become.
    """
    kind = type(module).__name__
    if n_axes == 3 and "1d" not in kind:
        return set()
    names = ("out_channels", "num_features")
    return {getattr(module, name) for name in names if hasattr(module, name)}


def _takes_mask(pooling):
    """Whether a callable has a parameter of the name mask."""
    try:
        return "mask" in inspect.signature(pooling).parameters
    except (TypeError, ValueError):
        return False


def _mean(tokens, mask):
    """Mean over tokens."""
    if mask is None:
        return tokens.mean(dim=1)
    counts = mask.sum(dim=1, keepdim=True).clamp(min=1)
    return tokens.masked_fill(~mask[..., None], 0).sum(dim=1) / counts


def _max(tokens, mask):
    """Largest value of each feature over tokens."""
    if mask is None:
        return tokens.amax(dim=1)
    # A sample of padding alone has no largest value: zeros, as its mean.
    largest = tokens.masked_fill(~mask[..., None], -float("inf")).amax(dim=1)
    return largest.masked_fill(~mask.any(dim=1, keepdim=True), 0)


def _cls(tokens, mask):
    """Return the first token that is not padding."""
    if mask is None:
        return tokens[:, 0]
    return _token_of_each(tokens, mask.int().argmax(dim=1))


def _last(tokens, mask):
    """Return the last token that is not padding."""
    if mask is None:
        return tokens[:, -1]
    after = mask.int().flip(1).argmax(dim=1)
    return _token_of_each(tokens, mask.shape[1] - 1 - after)


def _token_of_each(tokens, place):
    """Token of each sample at a place of its own."""
    return tokens[imported_torch().arange(len(tokens), device=tokens.device), place]


_POOLS = {"mean": _mean, "max": _max, "cls": _cls, "last": _last}
