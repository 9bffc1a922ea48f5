"""The moments at which skorch calls a callback, with or without skorch installed."""


class SkorchCallback:
    """Methods that skorch calls; what is measured is what calling the object does.

    The class that inherits from it is called with a model and an epoch, and has
    ``initialize``.
    """

    def on_train_begin(self, net, X=None, y=None, **kwargs):
        """Measure a net of skorch before its first epoch, as epoch 0.

        Parameters
        ----------
        net : skorch.NeuralNet
            The net.
        X, y : object
            Ignored.
        **kwargs
            Ignored.
        """
        if not len(net.history):
            self(net, 0)

    def on_epoch_end(self, net, dataset_train=None, dataset_valid=None, **kwargs):
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

    def _do_nothing(self, net, *args, **kwargs):
        """Do nothing when skorch calls at other moments.

        Parameters
        ----------
        net : skorch.NeuralNet
            The net.
        *args, **kwargs
            Ignored.
        """

    on_train_end = on_epoch_begin = on_batch_begin = on_batch_end = _do_nothing
    on_grad_computed = _do_nothing
