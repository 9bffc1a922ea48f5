"""The moments at which skorch calls a callback, with or without skorch installed."""

from collections.abc import Callable
from typing import Any


class SkorchCallback:
    """Methods that skorch calls; what is measured is what calling the object does.

    The class that inherits from it is called with a model and an epoch, and has
    ``initialize`` and ``resume``.
    """

    initialize: Callable[..., Any]
    resume: Callable[..., Any]
    __call__: Callable[..., Any]
    _has_begun = True

    def on_train_begin(
        self, net: Any, X: Any = None, y: Any = None, **kwargs: Any
    ) -> None:
        """Begin; other callbacks may load a checkpoint before the first epoch.

        Parameters
        ----------
        net : skorch.NeuralNet
            The net.
        X, y : object
            Ignored.
        **kwargs
            Ignored.
        """
        self._has_begun = False

    def on_epoch_begin(
        self,
        net: Any,
        dataset_train: Any = None,
        dataset_valid: Any = None,
        **kwargs: Any,
    ) -> None:
        """Measure a net of skorch before the first epoch of a training.

        That is epoch 0, or the epoch that it goes on from, if not yet measured.

        Parameters
        ----------
        net : skorch.NeuralNet
            The net.
        dataset_train, dataset_valid : object
            Ignored.
        **kwargs
            Ignored.
        """
        if self._has_begun:
            return
        self._has_begun = True
        done = len(net.history) - 1  # without the one that begins
        if done:
            self.resume(done)
        self(net, done)

    def on_epoch_end(
        self,
        net: Any,
        dataset_train: Any = None,
        dataset_valid: Any = None,
        **kwargs: Any,
    ) -> None:
        """Measure a net of skorch after an epoch.

        Parameters
        ----------
        net : skorch.NeuralNet
            The net.
        dataset_train, dataset_valid : object
            Ignored.
        **kwargs
            Ignored.
        """
        self(net, len(net.history))

    def _do_nothing(self, net: Any, *args: Any, **kwargs: Any) -> None:
        """Do nothing when skorch calls at other moments.

        Parameters
        ----------
        net : skorch.NeuralNet
            The net.
        *args, **kwargs
            Ignored.
        """

    on_train_end = on_batch_begin = on_batch_end = _do_nothing
    on_grad_computed = _do_nothing
