"""Trainings of Lightning and of the Trainer in two processes, started by torchrun."""

import importlib.util
import os
import subprocess
import sys
from pathlib import Path

import pytest

from skdse.probing._records import read_records

torch = pytest.importorskip("torch")

pytestmark = pytest.mark.skipif(
    not torch.distributed.is_available() or sys.platform == "win32",
    reason="needs processes that talk by gloo",
)


@pytest.fixture(scope="module", params=["lightning", "transformers"])
def left(request, tmp_path_factory):
    """What both ranks have left of each job of a framework, and the folder."""
    if importlib.util.find_spec(request.param) is None:
        pytest.skip(f"needs {request.param}")
    folder = tmp_path_factory.mktemp(request.param)
    here = ["--nproc-per-node=2", "--standalone", "--local-addr=127.0.0.1"]
    params = [request.param, folder]
    script = Path(__file__).with_name("ranks.py")
    done = subprocess.run(
        [sys.executable, "-m", "torch.distributed.run", *here, script, *params],
        env=os.environ | {"GLOO_SOCKET_IFNAME": "lo", "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stderr

    def left_of(job):
        if not (folder / f"{job}-0.pt").exists():
            pytest.skip("a job of another framework")
        files = [folder / f"{job}-{rank}.pt" for rank in range(2)]
        return [torch.load(one, weights_only=False) for one in files]

    return left_of, folder


def _epochs(records):
    return [one["epoch"] for one in records]


@pytest.mark.parametrize(
    ("plain", "tracked"), [("plain", "tracked"), ("sharded", "sharded and tracked")]
)
def test_training_is_the_same_bit_for_bit(left, plain, tracked):
    for one, other in zip(left[0](plain), left[0](tracked), strict=True):
        assert one[0].keys() == other[0].keys()
        assert all(torch.equal(one[0][name], other[0][name]) for name in one[0])
        assert torch.equal(one[1], other[1])


def test_one_rank_measures_and_all_know(left):
    (_, _, records, values), (_, _, others, other_values) = left[0]("tracked")
    assert _epochs(records) == [0, 1, 2]
    assert others == []
    last = records[-1]["slow"]
    assert list(values.values())[-1] == pytest.approx(last)
    # Lightning monitors values on all ranks; the Trainer writes the history of one.
    assert list(other_values.values())[-1:] in ([], list(values.values())[-1:])


def test_shards_are_measured_together(left):
    (_, _, records, values), (_, _, others, other_values) = left[0](
        "sharded and tracked"
    )
    assert _epochs(records) == [0, 1, 2]
    assert others == []
    assert values == other_values
    assert _epochs(read_records(left[1] / "sharded and tracked.csv")) == [0, 1, 2]


def test_both_ranks_go_on_from_a_checkpoint(left):
    left_of, folder = left
    first, other = left_of("resumed")
    assert _epochs(first[2]) == [0, 1, 2, 3]
    rows = read_records(folder / "run.csv")
    assert _epochs(rows) == [0, 1, 2, 3]
    for one, before in zip(rows[:2], left_of("tracked")[0][2], strict=False):
        assert one["slow"] == before["slow"]
    assert _epochs(other[2])[-1] < 3


def test_both_ranks_raise_the_error_of_one(left):
    first, other = left[0]("failing")
    assert first[0] == other[0] == "KeyError(0)"
    assert first[1] == []
    assert other[1] == ["Raised in process 0 of 2."]


def test_the_whole_evaluation_set_is_measured(left):
    (_, _, records, _), (_, _, others, _) = left[0]("loader")
    assert _epochs(records) == [1, 2]
    assert {one["n_samples"] for one in records} == {20}
    assert others == []
