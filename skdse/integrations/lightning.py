"""A callback of Lightning: a tracker that measures at the end of each epoch.

start ─► epoch 0; last validation of an epoch, or its end ─► tracker ─► self.log
"""

from typing import Any

from ..probing import RepresentationTracker
from ._course import check_tracker, go_on, missing, name_of_state, start, values_of

try:
    from lightning.pytorch import Callback
except ImportError as error:
    raise missing("lightning", "Lightning") from error

__all__ = ["RepresentationCallback"]


class RepresentationCallback(Callback):
    """Measure the layers of a LightningModule epoch by epoch, and log the values.

    The module is measured before its first epoch, as epoch 0, and after each epoch:
    at the end of its validation where there is one, so that what is monitored is known
    when a checkpoint is written. The validation that Lightning runs as a check before
    the training does not count.

    Parameters
    ----------
    tracker : RepresentationTracker
        What measures, with its samples and layers. Its records are in ``records_``.
    log : bool, default=True
        Whether values are logged, as "dsmi/encoder" for the measure "dsmi" of the
        layer "encoder".

    See Also
    --------
    skdse.probing.RepresentationTracker : What does the work.

    Notes
    -----
    Records are saved in checkpoints of Lightning. A training that goes on from one
    keeps the records up to its epoch: those of the checkpoint, and those of the file
    of the tracker that it lacks. Records of later epochs are dropped, also from the
    file; these epochs are trained again, and measured again. A training without
    ``ckpt_path`` begins anew: epochs that the file has are not measured again.

    Every rank calls the tracker; what rank 0 finds is logged on all, and an error on
    rank 0 is raised on all. Several callbacks in one training need trackers of
    different `run`.

    Examples
    --------
    Pass it to a Trainer, with samples that are not trained on:

    >>> import numpy as np
    >>> from skdse.integrations.lightning import RepresentationCallback
    >>> from skdse.probing import RepresentationTracker
    >>> X, y = np.zeros((100, 8), dtype="float32"), np.arange(100) % 2
    >>> tracker = RepresentationTracker(["dse", "dsmi_wide"], "encoder*", X, y)
    >>> callbacks = [RepresentationCallback(tracker)]
    """

    def __init__(self, tracker: RepresentationTracker, *, log: bool = True) -> None:
        check_tracker(tracker)
        self.tracker = tracker
        self.log_values = log
        self._last = None
        self._saved: dict[str, Any] | None = None

    @property
    def state_key(self) -> str:
        """Name of the records in a checkpoint.

        Returns
        -------
        name : str
            With the run of the tracker.
        """
        return name_of_state(self.tracker)

    def setup(self, trainer: Any, pl_module: Any, stage: str) -> None:
        """Start with the records of the file, unless a training goes on.

        Parameters
        ----------
        trainer : lightning.pytorch.Trainer
            The trainer.
        pl_module : lightning.pytorch.LightningModule
            Ignored.
        stage : str
            Only "fit" counts.
        """
        if stage != "fit":
            return
        self._last, self._saved = None, None
        if trainer.global_step == 0:
            start(self.tracker)

    def on_train_start(self, trainer: Any, pl_module: Any) -> None:
        """Go on from a checkpoint, or measure before the first epoch, as epoch 0.

        Parameters
        ----------
        trainer : lightning.pytorch.Trainer
            The trainer.
        pl_module : lightning.pytorch.LightningModule
            The module.
        """
        if self._saved is not None:
            self._go_on(trainer, pl_module)
        elif trainer.global_step == 0:
            self._measure(trainer, pl_module, 0, is_start=True)
        else:
            self.tracker.resume(trainer.current_epoch)

    def on_validation_epoch_end(self, trainer: Any, pl_module: Any) -> None:
        """Measure at the end of an epoch's last validation.

        Parameters
        ----------
        trainer : lightning.pytorch.Trainer
            The trainer.
        pl_module : lightning.pytorch.LightningModule
            The module.
        """
        in_training = trainer.state.fn == "fit" and not trainer.sanity_checking
        if in_training and trainer.is_last_batch:
            self._measure(trainer, pl_module, trainer.current_epoch + 1)

    def on_train_epoch_end(self, trainer: Any, pl_module: Any) -> None:
        """Measure at the end of an epoch without validation.

        Parameters
        ----------
        trainer : lightning.pytorch.Trainer
            The trainer.
        pl_module : lightning.pytorch.LightningModule
            The module.
        """
        self._measure(trainer, pl_module, trainer.current_epoch + 1)

    def state_dict(self) -> dict[str, Any]:
        """Return the records, for a checkpoint.

        Returns
        -------
        state : dict
            The records of the tracker, and the last epoch that it was called at.
        """
        records = list(getattr(self.tracker, "records_", []))
        return {"records": records, "epoch": self._last}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Take the records of a checkpoint; they count if a training goes on from it.

        Parameters
        ----------
        state_dict : dict
            What `state_dict` returned.
        """
        self._saved = state_dict

    def _go_on(self, trainer, pl_module):
        """Take up a checkpoint; measure if it was written just before that."""
        self._last = self._saved["epoch"] or 0
        done = max(self._last, trainer.current_epoch)
        go_on(self.tracker, done, self._saved["records"])
        # After the last step of an epoch but before its end, which then never comes.
        self._measure(trainer, pl_module, done, is_start=True)

    def _measure(self, trainer, pl_module, epoch, is_start=False):
        """Measure an epoch once, and log it."""
        if epoch == self._last:
            return
        self._last = epoch
        values = values_of(self.tracker(pl_module, epoch))
        values = trainer.strategy.broadcast(values)
        if not (self.log_values and values):
            return
        if is_start:  # self.log would mix it with the next epoch's
            for logger in trainer.loggers:
                logger.log_metrics(values, step=trainer.global_step)
        else:  # the same on all ranks, each of which can then monitor it
            self.log_dict(values, on_step=False, on_epoch=True)
