"""Networks that are compiled, or trained by several processes."""

import csv
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from skdse.probing import RepresentationTracker, layer_activations

torch = pytest.importorskip("torch")

import two_processes  # noqa: E402

nn = torch.nn

# torch imports sympy for its first optimizer, and sympy adds to the warning filters.
torch.optim.SGD([torch.zeros(1)])


class Chain(nn.Sequential):
    """Layers one after the other, in code that is compiled: that of torch is not."""

    def forward(self, x):
        for layer in self:
            x = layer(x)
        return x


def network():
    torch.manual_seed(0)
    return Chain(nn.Linear(6, 8), nn.ReLU(), nn.Dropout(), nn.Linear(8, 3))


@pytest.fixture
def X(rng):
    return rng.normal(size=(20, 6)).astype(np.float32)


def compiled(model):
    return torch.compile(model, backend="eager")


def compiled_in_place(model):
    model.compile(backend="eager")
    return model


def compiled_inside(model):
    model[0] = torch.compile(model[0], backend="eager")
    return model


WRAPPERS = {
    "compiled": compiled,
    "in place": compiled_in_place,
    "inside": compiled_inside,
    "parallel": nn.DataParallel,
    "both": lambda model: nn.DataParallel(compiled(model)),
}


@pytest.mark.filterwarnings("ignore:.*:DeprecationWarning")
@pytest.mark.parametrize("wrapper", WRAPPERS)
def test_layers_keep_their_names_and_values(wrapper, X):
    expected = layer_activations(network(), X)
    model = WRAPPERS[wrapper](network())
    batch = torch.from_numpy(X)
    model(batch)  # compiled before the hooks are there
    for _ in range(2):
        found = layer_activations(model, X)
        assert list(found) == list(expected) == ["0", "1", "2", "3"]
        for name, Z in expected.items():
            assert_array_equal(found[name], Z)
        chosen = layer_activations(model, X, "[03]", batch_size=7)
        assert list(chosen) == ["0", "3"]
    y = np.arange(20) % 3
    (record,) = RepresentationTracker("dse", "0", X, y)(model)
    assert record["accuracy"] == np.mean(expected["3"].argmax(axis=1) == y)
    assert model.training


@pytest.mark.filterwarnings("ignore:.*:DeprecationWarning")
@pytest.mark.parametrize("where", ["in place", "inside"])
def test_nothing_is_compiled_for_a_look(where, X):
    graphs = []

    def backend(graph, inputs):
        graphs.append(graph)
        return graph.forward

    model = network()
    if where == "in place":
        model.compile(backend=backend)
    else:
        model[0] = torch.compile(model[0], backend=backend)
    batch = torch.from_numpy(X)
    model(batch)
    before = len(graphs)
    assert before > 0
    # Each size of a batch, and evaluation mode, would be compiled for itself.
    for batch_size in (20, 7, 3):
        layer_activations(model, X, batch_size=batch_size)
    model(batch)
    assert len(graphs) == before


def trained(model, tracker=None):
    """Weights of a compiled network after training, in the order of its layers."""
    torch.manual_seed(1)
    X, y = torch.randn(64, 6), torch.arange(64) % 3
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    for epoch in range(3):
        optimizer.zero_grad()
        nn.functional.cross_entropy(model(X), y).backward()
        optimizer.step()
        if tracker is not None:
            tracker(model, epoch)
    return [p.tolist() for p in model.parameters()]


@pytest.mark.filterwarnings("ignore:.*:DeprecationWarning")
@pytest.mark.parametrize("wrapper", ["compiled", "in place", "inside"])
def test_compiled_training_does_not_notice(wrapper, X):
    tracker = RepresentationTracker("dse", X=X)
    weights = [trained(WRAPPERS[wrapper](network()), one) for one in (None, tracker)]
    assert weights[0] == weights[1]
    assert len(tracker.records_) == 3 * 4


# Two processes


needs_processes = pytest.mark.skipif(
    not torch.distributed.is_available() or sys.platform == "win32",
    reason="needs processes that talk by gloo",
)


@pytest.fixture(scope="module")
def left(tmp_path_factory):
    """Function that gives what two processes have left of a job."""
    folder = tmp_path_factory.mktemp("together")
    script = Path(two_processes.__file__)
    processes = [
        subprocess.Popen(
            [sys.executable, script, folder, str(rank)],
            stderr=subprocess.PIPE,
            text=True,
        )
        for rank in range(2)
    ]
    try:
        for one in processes:
            _, error = one.communicate(timeout=240)
            assert one.returncode == 0, error
    finally:
        for one in processes:
            one.kill()

    def left_of(wrapper, task):
        own = two_processes.folder_of(folder, wrapper, task)
        if not own.exists():
            pytest.skip("needs fully_shard, of torch 2.6")
        return own, [torch.load(own / f"{rank}.pt") for rank in range(2)]

    return left_of


@needs_processes
@pytest.mark.parametrize("wrapper", two_processes.WRAPPERS)
def test_one_of_two_processes_measures_and_writes(left, wrapper):
    _, plain = left(wrapper, "plain")
    folder, tracked = left(wrapper, "tracked")
    for one, other in zip(plain, tracked, strict=True):
        assert one[0].keys() == other[0].keys()
        assert all(torch.equal(one[0][name], other[0][name]) for name in one[0])
        assert torch.equal(one[1], other[1])
    assert [n_records for _, _, n_records in tracked] == [6, 0]
    with open(folder / "run.csv", newline="") as file:
        rows = [(row["epoch"], row["layer"]) for row in csv.DictReader(file)]
    assert rows == [(epoch, layer) for epoch in "012" for layer in "04"]


ERRORS = {
    "collapse": "CollapseError: layer '0' has collapsed at epoch 1",
    "measure": "Unspeakable: no memory",
    "log": "KeyError: 0",
    "write": "FileNotFoundError: [Errno 2] No such file",
    "begin": "TypeError: run must be a str; got 1.",
}


@needs_processes
@pytest.mark.parametrize("task", two_processes.FAILING)
def test_an_error_of_one_process_is_raised_in_both(left, task):
    _, (first, second) = left("ddp", task)
    failing, other = (second, first) if task == "begin" else (first, second)
    assert failing.startswith(ERRORS[task])
    assert "of 2." not in failing
    # Itself, or its text where it cannot be sent.
    unsent = "RuntimeError: " if task == "measure" else ""
    assert other.startswith(unsent + ERRORS[task])
    assert other.endswith(f"Raised in process {int(task == 'begin')} of 2.")
