"""Metrics of TorchMetrics: the rows that are kept, alone and on two ranks."""

from copy import deepcopy
from itertools import pairwise

import numpy as np
import pytest
from watched import untouched

from skdse import DiffusionSpectralEntropy, DiffusionSpectralMI, ShannonEntropy

torch = pytest.importorskip("torch")
pytest.importorskip("torchmetrics")

from torchmetrics import MetricCollection  # noqa: E402

from skdse.integrations.torchmetrics import (  # noqa: E402
    DSEMetric,
    DSMIMetric,
    _keys,
)

N, K = 300, 100


class Kept(ShannonEntropy):
    """Not an entropy: the sum of squares of rows that hold their number."""

    def fit(self, X, y=None):
        self.entropy_ = float((X[:, 0] ** 2).sum())
        return self


def _batches(Z, *sizes):
    starts = np.cumsum([0, *sizes])
    return [Z[a:b] for a, b in pairwise(starts)]


def _rows(metric):
    """Numbers of the rows that are kept."""
    table = torch.cat(metric.reservoir).reshape(-1, int(metric.n_columns))
    return sorted(table[:, -1].int().tolist())


@pytest.fixture
def Z():
    return torch.randn(N, 5, generator=torch.Generator().manual_seed(0))


def test_all_rows_are_measured_where_they_are_few(Z):
    metric = DSEMetric(max_samples=N)
    for batch in _batches(Z, 100, 150, 50):
        metric.update(batch)
    expected = DiffusionSpectralEntropy(random_state=0).fit(Z.numpy()).entropy_
    # The same rows in another order: equal but for rounding.
    assert float(metric.compute()) == pytest.approx(expected, abs=1e-4)


def test_mutual_information_takes_labels_along(Z):
    y = torch.arange(N) % 3
    Z = Z + 3 * y[:, None]
    metric = DSMIMetric(max_samples=N)
    for batch, labels in zip(_batches(Z, 170, 130), _batches(y, 170, 130), strict=True):
        metric.update(batch, labels)
    order = np.argsort(_keys(0, 0, 0, N), kind="stable")
    dsmi = DiffusionSpectralMI(random_state=0).fit(Z.numpy()[order], y.numpy()[order])
    assert float(metric.compute()) == pytest.approx(dsmi.mutual_info_, rel=1e-5)
    assert dsmi.mutual_info_ > 0.3
    metric.reset()
    metric.update(Z, y[torch.randperm(N, generator=torch.Generator().manual_seed(0))])
    assert float(metric.compute()) < 0.1


def test_real_numbers_are_grouped_as_such(Z):
    y = Z[:, 0]
    metric = DSMIMetric(max_samples=N)
    metric.update(Z, y)
    assert metric.has_real_labels
    assert float(metric.compute()) > 0


def test_the_rows_kept_do_not_depend_on_the_batches():
    numbers = torch.arange(N)[:, None].float()
    kept = []
    for sizes in ([N], [7] * 42 + [6], [299, 1]):
        metric = DSEMetric(max_samples=K)
        for batch in _batches(numbers, *sizes):
            metric.update(batch)
            assert len(_rows(metric)) <= K
        kept.append(_rows(metric))
    assert kept[0] == kept[1] == kept[2]
    assert len(set(kept[0])) == K
    metric.reset()
    metric.update(numbers)
    assert _rows(metric) == kept[0]
    other = DSEMetric(max_samples=K, random_state=1)
    other.update(numbers)
    assert _rows(other) != kept[0]


def test_each_row_is_as_likely_as_another():
    # 400 seeds keep 10 of 20 rows: each is kept Binomial(400, 1/2) times, 200 with a
    # standard deviation of 10.
    counts = np.zeros(20)
    for seed in range(400):
        metric = DSEMetric(max_samples=10, random_state=seed)
        for batch in torch.arange(20.0)[:, None].split(3):
            metric.update(batch)
        counts[_rows(metric)] += 1
    assert counts.sum() == 4000
    assert abs(counts - 200).max() < 45


def test_forward_measures_the_batch_and_counts_it_once():
    numbers = torch.arange(N)[:, None].float()
    metric, other = DSEMetric(Kept(), max_samples=K), DSEMetric(Kept(), max_samples=K)
    for batch in numbers.split(50):
        assert float(metric(batch)) == pytest.approx(float((batch**2).sum()), rel=1e-6)
        other.update(batch)
    assert _rows(metric) == _rows(other)
    assert float(metric.compute()) == float(other.compute())


@pytest.mark.parametrize("sizes", [(30, 60), (60, 30)])
def test_metrics_of_a_collection_keep_rows_of_their_own(sizes):
    generator = torch.Generator().manual_seed(0)
    batches = torch.randn(8, 20, 4, generator=generator)
    labels = (batches[..., 0] > 0).long()
    metrics = {f"{n} rows": DSMIMetric(max_samples=n) for n in sizes}
    metrics |= {name: DSEMetric(max_samples=60) for name in ("again", "entropy")}
    together = MetricCollection(deepcopy(metrics))
    for Z, y in zip(batches, labels, strict=True):
        together.update(Z=Z, y=y)
        for metric in metrics.values():
            metric.update(Z, *[y] * isinstance(metric, DSMIMetric))
    assert together.compute() == {name: one.compute() for name, one in metrics.items()}
    # Those that are alike share their rows.
    assert ["again", "entropy"] in together.compute_groups.values()


def test_a_network_that_holds_a_metric_does_not_notice(Z):
    y = torch.arange(N) % 3

    def trained(*metrics):
        torch.manual_seed(0)
        module = torch.nn.Sequential(torch.nn.Linear(5, 4), torch.nn.Dropout())
        module.metrics = torch.nn.ModuleList(metrics)
        for _ in range(3):
            features = module[1](module[0](Z))
            hooks = features._backward_hooks
            for metric in metrics:
                with untouched(module):
                    args = (
                        (features, y) if isinstance(metric, DSMIMetric) else (features,)
                    )
                    metric.update(*args)
                    assert not metric.compute().requires_grad
                assert not any(rows.requires_grad for rows in metric.reservoir)
            assert features._backward_hooks is hooks is None
            features.square().mean().backward()
            with torch.no_grad():
                module[0].weight -= 0.1 * module[0].weight.grad
        return [module[0].weight, module[0].weight.grad, torch.get_rng_state()]

    plain = trained()
    for metric in (DSEMetric(max_samples=K), DSMIMetric(max_samples=K)):
        for one, other in zip(plain, trained(metric), strict=True):
            assert torch.equal(one, other)


def test_errors_name_the_parameter(Z):
    with pytest.raises(ValueError, match="max_samples"):
        DSEMetric(max_samples=1)
    with pytest.raises(TypeError, match="estimator"):
        DSEMetric("dse")
    metric = DSMIMetric()
    with pytest.raises(ValueError, match=r"a label for each of 300 samples.*\(2,\)"):
        metric.update(Z, torch.zeros(2))
    metric.update(Z, torch.zeros(N))
    with pytest.raises(ValueError, match="the 5 features of earlier batches; got 4"):
        metric.update(Z[:, :4], torch.zeros(N))


@pytest.mark.filterwarnings("ignore:The ``compute`` method:UserWarning")
def test_nothing_to_measure():
    with pytest.raises(ValueError, match="call update before compute"):
        DSEMetric().compute()


# Two ranks


SIZES = ([150, 150], [230, 70], [300, 0])


def _on_a_rank(rank, folder):
    """Give a rank its rows and write what both ranks find together."""
    torch.distributed.init_process_group(
        "gloo", init_method=f"file://{folder}/store", rank=rank, world_size=2
    )
    try:
        found = [_found(rank, sizes) for sizes in SIZES]
        torch.save(found, f"{folder}/{rank}.pt")
    finally:
        torch.distributed.destroy_process_group()


def _found(rank, sizes):
    """Values of both metrics, and the rows that this rank keeps."""
    mine = torch.arange(N)[:, None].float().split(sizes)[rank]
    metric, dsmi = DSEMetric(Kept(), max_samples=K), DSMIMetric(max_samples=K)
    for batch in mine.split(40) if len(mine) else ():
        metric.update(batch)
        dsmi.update(batch, (batch[:, 0] >= N / 2).long())
    before = _rows(metric) if len(mine) else []
    values = float(metric.compute()), float(dsmi.compute())
    assert (_rows(metric) if len(mine) else []) == before  # after the ranks part
    return values, before


@pytest.mark.filterwarnings("ignore:The ``compute`` method:UserWarning")
def test_two_ranks_find_the_same(tmp_path, monkeypatch):
    monkeypatch.setenv("GLOO_SOCKET_IFNAME", "lo")
    torch.multiprocessing.spawn(_on_a_rank, (tmp_path,), nprocs=2)
    found = [torch.load(tmp_path / f"{rank}.pt") for rank in (0, 1)]
    for sizes, (first, mine), (second, others) in zip(SIZES, *found, strict=True):
        assert first == second
        # The smallest keys of both ranks.
        keys = np.concatenate([_keys(0, rank, 0, sizes[rank]) for rank in (0, 1)])
        kept = np.argsort(keys, kind="stable")[:K]
        assert set(kept) <= {*mine, *others}
        assert first[0] == pytest.approx(float((kept**2.0).sum()), rel=1e-6)
        # Halves of a line; in the first case each rank has seen one of them alone.
        assert 0.3 < first[1] <= 1
