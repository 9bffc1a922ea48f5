"""A callback of the Trainer of Transformers: a tracker that measures each epoch.

samples of the tracker: start ─► epoch 0, end of an epoch ─► tracker ─► log history;
those of the Trainer: evaluation at the end of an epoch ─► tracker ─► log history.
"""

from ._course import check_tracker, measure, missing, take_up, values_of

try:
    from transformers import TrainerCallback
except ImportError as error:
    raise missing("transformers", "Transformers") from error

__all__ = ["RepresentationCallback"]

# Where records are in the state of a Trainer, which its checkpoints have.
STATE = "RepresentationTracker"


class RepresentationCallback(TrainerCallback):
    """Measure the layers of a model epoch by epoch in the Trainer of Transformers.

    With samples of its own, the tracker measures before the first epoch, as epoch 0,
    and after each epoch. Without, it measures the batches that the Trainer evaluates,
    each time that it evaluates at the end of an epoch: ``eval_strategy="epoch"``, and
    for epoch 0 ``eval_on_start=True``.

    Parameters
    ----------
    tracker : RepresentationTracker
        What measures. If its X is None, it is set to the loader of the evaluation.
    log : bool, default=True
        Whether values are added to the log history of the Trainer, as
        "dsmi/encoder.layer.0" for the measure "dsmi" of the layer "encoder.layer.0".

    See Also
    --------
    skdse.probing.RepresentationTracker : What does the work.

    Notes
    -----
    Records are saved in checkpoints of the Trainer. A training that is resumed from one
    measures no epoch twice that is in the checkpoint or in the file of the tracker. A
    new training starts with the records of the file alone. An epoch that ``max_steps``
    cuts short is not measured.

    Examples
    --------
    Pass it to a Trainer, with samples that are not trained on:

    >>> import numpy as np
    >>> from skdse.integrations.transformers import RepresentationCallback
    >>> from skdse.probing import RepresentationTracker
    >>> X, y = np.ones((100, 16), dtype=int), np.arange(100) % 2
    >>> tracker = RepresentationTracker("dsmi", "bert.encoder.layer.?", X, y)
    >>> callbacks = [RepresentationCallback(tracker)]
    """

    def __init__(self, tracker, *, log=True):
        check_tracker(tracker)
        self.tracker = tracker
        self.log = log
        self._takes_loader = tracker.X is None
        self._is_training, self._last, self._saved = False, None, []

    def on_train_begin(self, args, state, control, model=None, **kwargs):
        """Take up the records of a checkpoint, or measure epoch 0.

        Parameters
        ----------
        args : object
            Ignored.
        state : transformers.TrainerState
            The state.
        control : object
            Ignored.
        model : torch.nn.Module
            The model.
        **kwargs
            Ignored.
        """
        self._is_training, self._last = True, None
        self._saved = state.stateful_callbacks.get(STATE, {}).get("attributes", {})
        self._saved = self._saved.get("records", [])
        if self._takes_loader:
            # Of this training; it comes with its first evaluation.
            self.tracker.set_params(X=None)
            return
        take_up(self.tracker, self._saved)
        if not state.global_step:
            self._measure(state, model)

    def on_epoch_end(self, args, state, control, model=None, **kwargs):
        """Measure samples of the tracker.

        Parameters
        ----------
        args : object
            Ignored.
        state : transformers.TrainerState
            The state.
        control : object
            Ignored.
        model : torch.nn.Module
            The model.
        **kwargs
            Ignored.
        """
        if not self._takes_loader:
            self._measure(state, model)

    def on_evaluate(
        self, args, state, control, model=None, eval_dataloader=None, **kwargs
    ):
        """Measure the batches of an evaluation at the end of an epoch.

        Parameters
        ----------
        args : object
            Ignored.
        state : transformers.TrainerState
            The state.
        control : object
            Ignored.
        model : torch.nn.Module
            The model.
        eval_dataloader : torch.utils.data.DataLoader
            Loader of the evaluation.
        **kwargs
            Ignored.
        """
        if not (self._takes_loader and self._is_training):
            return
        if self.tracker.X is None:
            self.tracker.set_params(X=eval_dataloader)
            take_up(self.tracker, self._saved)
        self._measure(state, model)

    def on_train_end(self, args, state, control, **kwargs):
        """Let later evaluations be.

        Parameters
        ----------
        args, state, control : object
            Ignored.
        **kwargs
            Ignored.
        """
        self._is_training = False

    def _measure(self, state, model):
        """Measure once at the end of an epoch, for the history and for checkpoints."""
        epoch = round(state.epoch or 0)
        if epoch == self._last or abs(epoch - (state.epoch or 0)) > 1e-6:
            return
        self._last = epoch
        values = values_of(measure(self.tracker, model, epoch))
        records = [dict(one) for one in self.tracker.records_]
        state.stateful_callbacks[STATE] = {
            "args": {},
            "attributes": {"records": records},
        }
        if self.log and values:
            entry = {"epoch": float(epoch), "step": state.global_step, **values}
            state.log_history.append(entry)
