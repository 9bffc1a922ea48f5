"""Trainings that are killed at a moment and go on, beside one that is not."""

import importlib.util
import multiprocessing
import os
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


CASES = [
    *(("lightning", when) for when in ("epoch", "validation", "last step", "step")),
    *(("transformers", when) for when in ("epoch", "last step", "step")),
    *(("keras", when) for when in ("epoch", "saver first")),
    *(("skorch", when) for when in ("epoch", "saver first")),
]


@pytest.mark.parametrize("moment", ["measuring", "writing", "written", "saved", "step"])
@pytest.mark.parametrize(("framework", "when"), CASES)
def test_killed_training_goes_on(trained, whole, tmp_path, framework, when, moment):
    pytest.importorskip(framework)
    folder = tmp_path / "run"
    trained(framework, folder, when=when, moment=moment)
    assert not (folder / "records.txt").exists()
    before = _measured(folder)
    (folder / "measured.txt").unlink()
    trained(framework, folder, when=when)
    assert (folder / "records.txt").read_text() == whole(framework)
    records = read_records(folder / "run.csv")
    assert [one["epoch"] for one in records] == EPOCHS
    assert [os.fspath(one.name) for one in folder.glob("run.csv*")] == ["run.csv"]
    print(framework, when, moment, before, _measured(folder))
    assert LAST in EPOCHS
