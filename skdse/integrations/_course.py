"""What all adapters do: check the tracker, log its records, go on from a checkpoint."""

from .._measures.catalogue import ERROR
from .._tools.validation import check_kind
from ..probing import RepresentationTracker
from ..probing._wrapped import together


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


def start(tracker):
    """Start a tracker with the records of its file, in all processes or in none."""
    with together():
        tracker.initialize()


def go_on(tracker, epoch, records):
    """Start a tracker where a training goes on after an epoch of a checkpoint."""
    start(tracker)
    tracker.resume(epoch, records)


def name_of_state(tracker):
    """Name under which a checkpoint has the records: several trackers have runs."""
    return f"RepresentationTracker {tracker.run}".strip()
