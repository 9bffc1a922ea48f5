"""A callback of the Trainer of Transformers: a tracker that measures each epoch.

samples of the tracker: start ─► epoch 0, end of an epoch ─► tracker ─► log history;
those of the Trainer: evaluation at the end of an epoch ─► tracker ─► log history.
"""

from typing import Any

from ..probing import RepresentationTracker
from ..probing._wrapped import n_processes
from ._course import check_tracker, go_on, missing, name_of_state, start, values_of

try:
    import torch
    from transformers import TrainerCallback
except ImportError as error:
    raise missing("transformers", "Transformers") from error

__all__ = ["RepresentationCallback"]

# How far the number of an epoch that is done may be from a whole number: rounding.
ROUNDING = 1e-6


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
    Records are saved in checkpoints of the Trainer. A training that goes on from one
    keeps the records up to its epoch: those of the checkpoint, and those of the file
    of the tracker that it lacks. Records of later epochs are dropped, also from the
    file; these epochs are trained again, and measured again. A training without
    ``resume_from_checkpoint`` begins anew: epochs that the file has are not measured
    again. An epoch that ``max_steps`` cuts short is not measured.

    Every process calls the tracker, and an error on the first is raised on all. Several
    callbacks in one training need trackers of different `run`. In several processes,
    batches that the Trainer evaluates are those of its whole evaluation set, which must
    have a length.

    Examples
    --------
    Pass it to a Trainer, with samples that are not trained on:

    >>> import numpy as np
    >>> from skdse.integrations.transformers import RepresentationCallback
    >>> from skdse.probing import RepresentationTracker
    >>> X, y = np.ones((100, 16), dtype=int), np.arange(100) % 2
    >>> tracker = RepresentationTracker("dsmi_wide", "bert.encoder.layer.?", X, y)
    >>> callbacks = [RepresentationCallback(tracker)]
    """

    def __init__(self, tracker: RepresentationTracker, *, log: bool = True) -> None:
        check_tracker(tracker)
        self.tracker = tracker
        self.log = log
        self._takes_loader = tracker.X is None
        self._is_training, self._last = False, None
        self._done: int | None = 0
        self._saved: list[dict[str, Any]] = []

    def on_train_begin(
        self, args: Any, state: Any, control: Any, model: Any = None, **kwargs: Any
    ) -> None:
        """Take up the records of a checkpoint; measure if its epoch is not there.

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
        self._done = int((state.epoch or 0) + ROUNDING) if state.global_step else None
        saved = state.stateful_callbacks.get(name_of_state(self.tracker), {})
        self._saved = saved.get("attributes", {}).get("records", [])
        if self._takes_loader:
            # Of this training; it comes with its first evaluation.
            self.tracker.set_params(X=None)
            return
        self._begin()
        # A checkpoint may be written after the last step of an epoch, before its end.
        self._measure(state, model)

    def on_epoch_end(
        self, args: Any, state: Any, control: Any, model: Any = None, **kwargs: Any
    ) -> None:
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
        self,
        args: Any,
        state: Any,
        control: Any,
        model: Any = None,
        eval_dataloader: Any = None,
        **kwargs: Any,
    ) -> None:
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
            self.tracker.set_params(X=_whole(eval_dataloader))
            self._begin()
        self._measure(state, model)

    def on_train_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        """Let later evaluations be.

        Parameters
        ----------
        args, state, control : object
            Ignored.
        **kwargs
            Ignored.
        """
        self._is_training = False

    def _begin(self):
        """Start the tracker, where a checkpoint has been written if there is one."""
        if self._done is None:
            start(self.tracker)
        else:
            go_on(self.tracker, self._done, self._saved)

    def _measure(self, state, model):
        """Measure once at the end of an epoch, for the history and for checkpoints."""
        epoch = round(state.epoch or 0)
        if epoch == self._last or abs(epoch - (state.epoch or 0)) > ROUNDING:
            return
        self._last = epoch
        values = values_of(self.tracker(model, epoch))
        records = [dict(one) for one in self.tracker.records_]
        state.stateful_callbacks[name_of_state(self.tracker)] = {
            "args": {},
            "attributes": {"records": records},
        }
        entry = {"epoch": float(epoch), "step": state.global_step, **values}
        if self.log and values and entry not in state.log_history:
            state.log_history.append(entry)


def _whole(loader):
    """Loader of all samples, where the Trainer gives each process a part of them."""
    data = torch.utils.data
    if n_processes() == 1:
        return loader
    if isinstance(loader.dataset, data.IterableDataset):
        raise ValueError(
            "X must be given to the tracker where several processes evaluate a stream; "
            "got X=None, and each process has a part of the stream alone."
        )
    return data.DataLoader(
        loader.dataset, loader.batch_size or 1, collate_fn=loader.collate_fn
    )
