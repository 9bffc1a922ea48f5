"""What all adapters do: check the tracker, log its records, take them up again."""

from .._measures.catalogue import ERROR
from .._tools.validation import check_kind
from ..probing import RepresentationTracker


def missing(module, package):
    """Error of an adapter whose package is not installed."""
    return ImportError(
        f"skdse.integrations.{module} needs {package}: pip install 'skdse[{module}]'."
    )


def check_tracker(tracker):
    """Raise unless this is a tracker."""
    check_kind(tracker, RepresentationTracker, "tracker")


def values_of(records):
    """Measures by "measure/layer", such as "dsmi/encoder", for a logger."""
    return {
        f"{name}/{record['layer']}": record[name]
        for record in records
        for name in record
        if name + ERROR in record
    }


def take_up(tracker, records):
    """Start a tracker with the records of its file, and with those of a checkpoint.

    An epoch in both is that of the file, which has been measured last.
    """
    tracker.initialize()
    known = {one["epoch"] for one in tracker.records_}
    tracker.records_ += [one for one in records if one["epoch"] not in known]
    tracker.records_.sort(key=lambda record: record["epoch"])


def measure(tracker, model, epoch):
    """Records of a model at an epoch, or raise if others were measured otherwise."""
    found = tracker(model, epoch)
    if len({one["settings"] for one in tracker.records_}) > 1:
        raise ValueError(
            "the checkpoint has records that were measured with other samples or "
            "parameters of tracker; pass the same tracker, or start a new run."
        )
    return found
