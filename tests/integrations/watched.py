"""A tracker that remembers what it was asked for."""

from skdse.probing import RepresentationTracker


class Watched(RepresentationTracker):
    """Tracker that remembers the epochs that it has measured."""

    def __call__(self, model, epoch=None):
        before = len(getattr(self, "records_", []))
        found = super().__call__(model, epoch)
        if len(self.records_) > before:
            self.__dict__.setdefault("measured", []).append(epoch)
        return found
