"""Trainings that are killed at a moment and go on, beside one that is not."""

import importlib.util
import multiprocessing
import signal
import sys

import pytest
from interrupted import LAST, N_EPOCHS, main

from skdse.probing._records import read_records

PACKAGES = ("lightning", "transformers", "keras", "skorch")
INSTALLED = [one for one in PACKAGES if importlib.util.find_spec(one)]
pytestmark = pytest.mark.skipif(
    importlib.util.find_spec("torch") is None or sys.platform == "win32",
    reason="needs PyTorch, and a process that can be killed",
)
EPOCHS = list(range(N_EPOCHS + 1))


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """Function that trains in a process of its own, which has all packages at hand."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["torch", "interrupted", *INSTALLED])

    def train(framework, folder, has_file=True, when="epoch", moment=None):
        folder.mkdir(exist_ok=True)
        process = context.Process(
            target=main, args=(framework, folder, has_file, when, moment)
        )
        process.start()
        process.join(120)
        assert process.exitcode == (0 if moment is None else -signal.SIGKILL), (
            folder / "output.txt"
        ).read_text()

    return train


@pytest.fixture(scope="module")
def whole(trained, tmp_path_factory):
    """Records of trainings that are not interrupted, by framework."""
    found = {}

    def records_of(framework):
        if framework not in found:
            folder = tmp_path_factory.mktemp("whole") / framework
            trained(framework, folder)
            found[framework] = (folder / "records.txt").read_text()
        return found[framework]

    return records_of


def _measured(folder):
    """Epochs that the processes have measured, one after the other."""
    return [int(one) for one in (folder / "measured.txt").read_text().split()]


def _killed(trained, folder, framework, moment, **params):
    """Kill a training, and forget which epochs it has measured; those."""
    pytest.importorskip(framework)
    trained(framework, folder, moment=moment, **params)
    assert not (folder / "records.txt").exists()
    measured = _measured(folder)
    (folder / "measured.txt").unlink()
    return measured


# When a checkpoint is written, at which moments the process is killed, and from which
# epoch on the second one measures. What is trained again is measured again.
WHENS = {
    "epoch": {"measuring": 3, "writing": 3, "written": 3, "saved": 4, "step": 3},
    # After an epoch's validation, before the end of the epoch.
    "validation": {"written": 3, "saved": 4},
    # Before the epoch is measured: that is done when the training goes on.
    "last step": {"measuring": 3, "written": 4},
    # In the middle of an epoch.
    "step": {"written": 3, "saved": 3},
    # The callback that writes it comes before the tracker.
    "saver first": {"measuring": 3, "written": 4},
}
CASES = [
    *(("lightning", when) for when in ("epoch", "validation", "last step", "step")),
    *(("transformers", when) for when in ("epoch", "last step", "step")),
    *(("keras", when) for when in ("epoch", "saver first")),
    *(("skorch", when) for when in ("epoch", "saver first")),
]
MOMENTS = [
    (framework, when, moment, first)
    for framework, when in CASES
    for moment, first in WHENS[when].items()
]


@pytest.mark.parametrize(("framework", "when", "moment", "first"), MOMENTS)
def test_killed_training_goes_on(
    trained, whole, tmp_path, framework, when, moment, first
):
    folder = tmp_path / "run"
    before = _killed(trained, folder, framework, moment, when=when)
    is_measured = moment in ("written", "saved")
    assert before == EPOCHS[: LAST + is_measured]
    trained(framework, folder, when=when)
    assert (folder / "records.txt").read_text() == whole(framework)
    assert _measured(folder) == EPOCHS[first:]
    records = read_records(folder / "run.csv")
    assert [one["epoch"] for one in records] == EPOCHS
    assert [one.name for one in folder.glob("run.csv*")] == ["run.csv"]


@pytest.mark.parametrize("file", ["none", "missing", "behind", "ahead"])
@pytest.mark.parametrize("framework", ["lightning", "transformers"])
def test_records_of_the_checkpoint_alone(trained, whole, tmp_path, framework, file):
    folder, path = tmp_path / "run", tmp_path / "run" / "run.csv"
    has_file = file != "none"
    _killed(trained, folder, framework, "saved", has_file=has_file)
    if file == "missing":
        path.unlink()
    if has_file:
        rows = path.read_text().splitlines(keepends=True) if path.exists() else []
        if file == "behind":
            path.write_text("".join(rows[:2]))
        if file == "ahead":  # and of another training: no value is the same
            fake = [rows[1].replace(",0,", ",7,", 1), *rows[1:]]
            fake = [one.replace("network.0,20,5,", "network.0,20,5,9") for one in fake]
            path.write_text("".join([rows[0], *fake]))
    trained(framework, folder, has_file=has_file)
    assert (folder / "records.txt").read_text() == whole(framework)
    assert _measured(folder) == [4]
    assert path.exists() == has_file
    if has_file:
        values = [line.split(",")[3] for line in whole(framework).splitlines()]
        records = read_records(path)
        assert [one["epoch"] for one in records] == EPOCHS
        assert [str(one["dse"]) for one in records] == values
