"""Trainings that go on from an earlier epoch: records of the tracker and its file."""

import csv
import os

import numpy as np
import pytest
from sklearn.neural_network import MLPClassifier

from skdse.probing import RepresentationTracker

CLASSES = np.arange(10)


@pytest.fixture
def mlps(digits):
    """Perceptron after 0, 1, ... epochs, by number."""
    found = []
    for n_epochs in range(1, 6):
        mlp = MLPClassifier((4,), random_state=0, learning_rate_init=0.01)
        for _ in range(n_epochs):
            mlp.partial_fit(*digits, classes=CLASSES)
        found.append(mlp)
    return found


@pytest.fixture
def new(digits, tmp_path):
    """Function that makes trackers with one file."""

    def make(**params):
        params = {"path": tmp_path / "run.csv"} | params
        return RepresentationTracker("dse", 1, *digits, **params)

    return make


def _epochs(records):
    return [one["epoch"] for one in records]


def _in_file(tracker):
    with open(tracker.path, newline="") as file:
        return [(row["run"], int(row["epoch"])) for row in csv.DictReader(file)]


def test_later_epochs_are_measured_again(new, mlps):
    tracker = new()
    for epoch in range(4):
        tracker(mlps[epoch], epoch)
    before = list(tracker.records_)
    again = new()
    assert again.resume(1) is again
    assert again.records_ == before[:2]
    assert _in_file(again) == [("", 0), ("", 1)]
    assert _epochs(again(mlps[4])) == [2]  # counted on
    assert again.records_[2]["dse"] != before[2]["dse"]
    again(mlps[3], 3)
    assert again.records_[3]["dse"] == before[3]["dse"]
    assert new().initialize().records_ == again.records_
    assert new().resume(3).records_ == again.records_


def test_records_of_a_checkpoint_count(new, mlps):
    tracker = new(path=None)
    for epoch in range(4):
        tracker(mlps[epoch], epoch)
    saved = list(tracker.records_)
    # File: epochs 1 and 2 of another training, and 0, which the checkpoint has not.
    other = new()
    for epoch in (0, 1, 2):
        other(mlps[4 - epoch], epoch)
    again = new().resume(2, saved[1:])
    assert again.records_ == [other.records_[0], *saved[1:3]]
    assert new().initialize().records_ == again.records_
    assert again.records_[1] != other.records_[1]
    # No file, or none at that place.
    assert new(path=None).resume(2, saved).records_ == saved[:3]
    os.unlink(again.path)
    assert new().resume(5, saved).records_ == saved
    assert _in_file(again) == [("", epoch) for epoch in range(4)]


def test_other_runs_stay(new, mlps):
    for run in "ab":
        tracker = new(run=run)
        for epoch in range(3):
            tracker(mlps[epoch], epoch)
    new(run="a").resume(0)
    assert sorted(_in_file(tracker)) == [("a", 0), ("b", 0), ("b", 1), ("b", 2)]


def test_a_tracker_that_is_under_way(new, mlps):
    tracker = new(path=None)
    for epoch in range(3):
        tracker(mlps[epoch], epoch)
    first = tracker.records_[0]
    assert tracker.resume(0).records_ == [first]
    assert _epochs(tracker(mlps[1])) == [1]


def test_records_that_were_measured_otherwise(new, mlps, digits):
    tracker = new(path=None)
    tracker(mlps[0], 0)
    other = RepresentationTracker("dse", 1, digits[0][:50], path=new().path)
    other(mlps[1], 0)
    before = other.path.read_text()
    with pytest.raises(ValueError, match="pass the same tracker, or start a new run"):
        other.resume(0, tracker.records_)
    assert other.path.read_text() == before
    assert other.records_[0]["n_samples"] == 50
    with pytest.raises(ValueError, match="epoch == -1, must be >= 0"):
        other.resume(-1)


def test_a_collapse_after_the_epoch_is_told_again(new, mlps):
    found = []
    tracker = new(on_collapse=found.extend)
    tracker(mlps[0], 0)
    mlps[1].coefs_[0][:], mlps[1].intercepts_[0][:] = 0, 1
    tracker(mlps[1], 1)
    new(on_collapse=found.extend).resume(0)(mlps[1], 1)
    assert [one.epoch for one in found] == [1, 1]


# Interruptions


def test_what_could_not_be_written_is_measured_again(new, mlps, monkeypatch):
    tracker = new()
    tracker(mlps[0], 0)
    with monkeypatch.context() as patch:
        patch.setattr("os.replace", lambda *paths: os.stat("/no space left"))
        with pytest.raises(FileNotFoundError):
            tracker(mlps[1], 1)
    assert _epochs(tracker.records_) == [0]
    tracker(mlps[1], 1)
    assert _epochs(tracker.records_) == [0, 1]
    assert _in_file(tracker) == [("", 0), ("", 1)]


def test_an_interruption_after_the_writing_doubles_nothing(new, mlps, monkeypatch):
    tracker = new()
    with monkeypatch.context() as patch:
        patch.setattr("skdse.probing._tracker.put_records", _interrupted)
        with pytest.raises(KeyboardInterrupt):
            tracker(mlps[0], 0)
    assert _in_file(tracker) == [("", 0)]
    tracker(mlps[0], 0)
    assert _in_file(tracker) == [("", 0)]


def _interrupted(path, records):
    """Put records in a file, and be interrupted before they are remembered."""
    from skdse.probing._records import put_records

    put_records(path, records)
    raise KeyboardInterrupt


def test_what_a_killed_process_leaves_is_removed(new, mlps):
    tracker = new()
    left = tracker.path.with_name("run.csv.123.part")
    left.write_text("run,epo")
    other = tracker.path.with_name("run.csv.notes")
    other.write_text("")
    tracker(mlps[0], 0)
    assert not left.exists()
    assert other.exists()
