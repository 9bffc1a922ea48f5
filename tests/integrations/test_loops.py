"""The tracker in a loop of one's own, and as a callback of skorch."""

import numpy as np
import pytest
from watched import Watched, watch

from skdse import DiffusionSpectralEntropy

torch = pytest.importorskip("torch")
nn = torch.nn
torch.optim.SGD([torch.zeros(1)])  # imports what adds to the filters of warnings


class Network(nn.Module):
    """A hidden layer with normalisation and dropout."""

    def __init__(self):
        super().__init__()
        self.first = nn.Linear(64, 8)
        self.norm = nn.BatchNorm1d(8)
        self.dropout = nn.Dropout()
        self.head = nn.Linear(8, 10)

    def forward(self, x):
        return self.head(self.dropout(torch.relu(self.norm(self.first(x)))))


@pytest.fixture
def data(digits):
    return digits[0].astype(np.float32) / 16, digits[1].astype(np.int64)


def _expected(module, data):
    """Entropies of two layers in evaluation mode, found by hand."""
    with torch.no_grad():
        first = module.first(torch.tensor(data[0]))
        norm = (first - module.norm.running_mean) / (
            module.norm.running_var + module.norm.eps
        ).sqrt()
        norm = norm * module.norm.weight + module.norm.bias
        head = module.head(torch.relu(norm))
    dse = DiffusionSpectralEntropy(random_state=0)
    return [dse.fit(Z.numpy()).entropy_ for Z in (norm, head)]


def _check(plain, module, tracker, data):
    """Check that the networks are the same, and measured in evaluation mode."""
    for name, value in plain.state_dict().items():
        assert torch.equal(module.state_dict()[name], value), name
    assert len(tracker.modes) > 0
    assert tracker.measured == [0, 1, 2]
    found = [one["dse"] for one in tracker.records_[-2:]]
    assert found == pytest.approx(_expected(module, data), abs=1e-4)


def test_loop_of_ones_own(data):
    X, y = map(torch.tensor, data)

    def trained(tracker):
        torch.manual_seed(0)
        module = Network()
        optimizer = torch.optim.SGD(module.parameters(), lr=0.1)
        for epoch in range(3):
            if epoch:
                nn.functional.cross_entropy(module(X), y).backward()
                optimizer.step()  # gradients add up: a change would be seen
            if tracker is not None:
                tracker(module, epoch)
        return module, torch.get_rng_state()

    tracker = Watched(["dse"], ["norm", "head"], *data)
    plain, state = trained(None)
    module, other_state = trained(tracker)
    _check(plain, module, tracker, data)
    assert torch.equal(state, other_state)
    assert all(p.grad is not None for p in module.parameters())
    for one, other in zip(plain.parameters(), module.parameters(), strict=True):
        assert torch.equal(one.grad, other.grad)


def test_skorch(data):
    skorch = pytest.importorskip("skorch")

    def trained(*callbacks):
        torch.manual_seed(0)
        net = skorch.NeuralNetClassifier(
            Network,
            criterion=nn.CrossEntropyLoss,
            max_epochs=2,
            train_split=None,
            verbose=0,
            callbacks=[*callbacks],
        )
        return net.fit(*data).module_, torch.get_rng_state()

    tracker = Watched(["dse"], ["norm", "head"], *data)
    watch(tracker, lambda net, *_, **__: net.module_)
    plain, state = trained()
    module, other_state = trained(tracker)
    assert {"on_epoch_begin", "on_epoch_end"} < {*tracker.calls}
    _check(plain, module, tracker, data)
    assert torch.equal(state, other_state)
