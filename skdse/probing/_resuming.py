"""Trainings that were interrupted, and go on from an earlier epoch.

file ─► records up to the epoch ◄─ checkpoint

These describe the training that goes on. Later ones are of one that has been given up.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Self

from .._tools.validation import check_count
from ._records import replace_run
from ._wrapped import is_first, together


class Resumable:
    """What a tracker does where a training goes on from a checkpoint.

    The class that inherits from it has ``initialize``, `path` and `run`.
    """

    initialize: Callable[..., Any]
    records_: list[dict[str, Any]]
    path: Any
    run: str

    def resume(self, epoch: int, records: Sequence[Mapping[str, Any]] = ()) -> Self:
        """Go on after an epoch, as a training does that goes on from a checkpoint.

        Records of later epochs are dropped, also from the file: the training comes to
        those epochs again, and they are measured again. Call it in each process where
        several train together.

        Parameters
        ----------
        epoch : int
            Number of the last epoch that the network has been trained for.
        records : list of dict, default=()
            Records that the checkpoint has, if any. They count where the file has
            others of the same epoch, and are written to it.

        Returns
        -------
        self : object
            The tracker.

        Raises
        ------
        ValueError
            If the records were measured with other samples or parameters.
        """
        check_count(epoch, "epoch", minimum=0)
        with together():
            if not hasattr(self, "records_"):
                self.initialize()
            self._epoch = int(epoch)
            kept = joined(self.records_, records, epoch)
            if is_first():
                self._check_and_write(kept)
            self.records_ = kept
        return self

    def _check_and_write(self, records):
        """Raise unless the tracker measures such records; write them to the file."""
        if any(one["settings"] != self._settings for one in records):
            raise ValueError(
                "the checkpoint has records that were measured with other samples or "
                "parameters of tracker; pass the same tracker, or start a new run."
            )
        if records != self.records_ and self.path is not None:
            replace_run(self.path, self.run, records)


def joined(ours, theirs, epoch):
    """Records up to an epoch, by epoch: theirs, and ours of epochs that they lack."""
    known = {one["epoch"] for one in theirs}
    found = [one for one in ours if one["epoch"] not in known]
    found = [one for one in [*theirs, *found] if one["epoch"] <= epoch]
    return sorted(found, key=lambda record: record["epoch"])
