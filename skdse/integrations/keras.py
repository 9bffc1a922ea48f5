"""A callback of Keras 3, with the backend torch: a tracker that measures each epoch.

model ─► its layers' outputs in one pass ─► a module with a part for each ─► tracker

Layers of Keras do not call the hooks of PyTorch. The parts of the module do.
"""

from typing import Any

from ..probing import RepresentationTracker
from ._course import check_tracker, missing, start, values_of

try:
    import keras
    import torch
except ImportError as error:
    raise missing("keras", "PyTorch, and Keras 3 with KERAS_BACKEND=torch") from error

__all__ = ["RepresentationCallback"]


class RepresentationCallback(keras.callbacks.Callback):
    """Measure the layers of a model of Keras epoch by epoch, and log the values.

    The model is measured before the first epoch, as epoch 0, and after each epoch.
    Layers have their names in Keras. Values are in the history that ``fit`` returns,
    and can be monitored by callbacks behind this one.

    Parameters
    ----------
    tracker : RepresentationTracker
        What measures, with its samples and layers. Its records are in ``records_``.
    log : bool, default=True
        Whether values are logged, as "dsmi/dense" for the measure "dsmi" of the layer
        "dense".

    Raises
    ------
    RuntimeError
        If the backend of Keras is another one.

    See Also
    --------
    skdse.probing.RepresentationTracker : What does the work.

    Notes
    -----
    The model must be functional or sequential. A layer that it calls several times, or
    that is inside another, has no output of its own and is left out. The last axis of
    maps is their channels where Keras has ``"channels_last"``.

    Keras has no state of callbacks in its files: give the tracker a `path` to resume a
    training, by ``BackupAndRestore`` or with ``initial_epoch`` of ``fit``. Records up
    to that epoch are kept. Records of later epochs are dropped, also from the file;
    these epochs are trained again, and measured again. A fit from epoch 0 begins anew:
    epochs that the file has are not measured again.

    Examples
    --------
    Pass it to ``fit``, with samples that are not trained on. Set the environment
    variable ``KERAS_BACKEND=torch`` first:

    >>> import numpy as np
    >>> from skdse.integrations.keras import RepresentationCallback
    >>> from skdse.probing import RepresentationTracker
    >>> X, y = np.zeros((100, 8), dtype="float32"), np.arange(100) % 2
    >>> tracker = RepresentationTracker(["dse", "dsmi_wide"], "dense*", X, y)
    >>> callbacks = [RepresentationCallback(tracker)]
    """

    def __init__(self, tracker: RepresentationTracker, *, log: bool = True) -> None:
        super().__init__()
        check_tracker(tracker)
        if keras.backend.backend() != "torch":
            raise RuntimeError(
                f"the backend of Keras must be 'torch'; it is "
                f"{keras.backend.backend()!r}. Set KERAS_BACKEND=torch before keras is "
                "imported."
            )
        self.tracker = tracker
        self.log = log
        self._layers, self._of, self._has_begun = None, None, True

    def on_train_begin(self, logs: dict[str, Any] | None = None) -> None:
        """Begin; other callbacks may load a backup before the first epoch.

        Parameters
        ----------
        logs : dict or None
            Ignored.
        """
        self._has_begun = False

    def on_epoch_begin(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        """Measure before the first epoch of a training, if that is not done.

        Parameters
        ----------
        epoch : int
            Number of the epoch.
        logs : dict or None
            Ignored.
        """
        if self._has_begun:
            return
        self._has_begun = True
        if epoch == 0 or not hasattr(self.tracker, "records_"):
            start(self.tracker)
        if epoch:
            self.tracker.resume(epoch)
        self._measure(epoch)

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        """Measure after an epoch.

        Parameters
        ----------
        epoch : int
            Number of the epoch.
        logs : dict or None
            Gets the values.
        """
        records = self._measure(epoch + 1)
        if self.log and logs is not None:
            logs.update(values_of(records))

    def _measure(self, epoch):
        """Records of the model at an epoch."""
        if self._of is not self.model:
            self._layers, self._of = _Layers(self.model), self.model
        return self.tracker(self._layers, epoch)


class _Layers(torch.nn.Module):
    """Module that runs a model of Keras and has a part for each of its layers."""

    def __init__(self, model):
        super().__init__()
        if not isinstance(model, (keras.Sequential, keras.Model)) or not _inputs(model):
            raise TypeError(
                "the model must be functional or sequential, so that its layers have "
                f"outputs; got {type(model).__name__}. Call the tracker with a module "
                "of PyTorch instead."
            )
        outputs = dict(_outputs(model))
        names = [name.replace(".", "_") for name in outputs]
        for name in names:
            self.add_module(name, torch.nn.Identity())
        extractor = keras.Model(_inputs(model), [*outputs.values(), model.outputs[0]])
        channels_last = [_is_channels_last(model.get_layer(name)) for name in outputs]
        # In a function: as an attribute, its layers were parts too.
        self._run = lambda X: extractor(X, training=False)
        self._parts = list(zip(names, channels_last, strict=True))
        place = model.weights[0].value if model.weights else torch.empty(0)
        self.register_buffer("place", place.detach().new_empty(0), persistent=False)

    def forward(self, X):
        """Give the output of the model; each part gets that of its layer."""
        *layers, output = self._run(X)
        for (name, channels_last), Z in zip(self._parts, layers, strict=True):
            if channels_last and isinstance(Z, torch.Tensor) and Z.ndim > 3:
                Z = Z.movedim(-1, 1)
            self.get_submodule(name)(Z)
        return output


def _inputs(model):
    """Inputs of a functional or sequential model; None of another."""
    return getattr(model, "inputs", None)


def _outputs(model):
    """Name and output of each layer that is called once."""
    for layer in model.layers:
        if isinstance(layer, keras.layers.InputLayer):
            continue
        try:
            yield layer.name, layer.output
        except (AttributeError, ValueError):
            continue


def _is_channels_last(layer):
    """Whether the features of maps are their last axis."""
    order = getattr(layer, "data_format", None) or keras.config.image_data_format()
    return order == "channels_last"
