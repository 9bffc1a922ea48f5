"""Metrics of TorchMetrics: entropy and mutual information of what comes in batches.

batches ─► reservoir: rows with the smallest random keys ─► all ranks' ─► estimator.

A row's key depends on the seed, the rank and the number of rows before it alone, so
that batches of any size keep the same rows. The smallest keys of all ranks are those
of the smallest keys of each: the reservoirs need no more than to be joined.
"""

from typing import Any

import numpy as np
from sklearn.base import clone

from .._measures.catalogue import default_measure, fit_and_tell, seed_measure
from .._tools.validation import check_count, check_measure
from ._course import missing

try:
    import torch
    from torchmetrics import Metric
except ImportError as error:
    raise missing("torchmetrics", "TorchMetrics") from error

__all__ = ["DSEMetric", "DSMIMetric"]

# Keys are whole numbers that float32 has exactly.
KEY_BITS = 24


class _ReservoirMetric(Metric):
    """Metric of a bounded random sample of the rows of all batches and ranks.

    A row of the reservoir is its key, what belongs to it, and its features. All are one
    flat list of numbers: ranks without rows can then be joined too.
    """

    is_differentiable = False
    higher_is_better = None
    full_state_update = True  # rows are counted from batch to batch
    measure = "dse"

    def __init__(
        self,
        estimator: Any = None,
        *,
        max_samples: int | None = 2000,
        random_state: int = 0,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        check_count(max_samples, "max_samples", minimum=2)
        check_count(random_state, "random_state", minimum=0)
        if estimator is None:
            estimator, _ = default_measure(self.measure)
        check_measure(estimator, "estimator", "an estimator")
        self.estimator = estimator
        self.max_samples = max_samples
        self.random_state = random_state
        self.add_state("reservoir", [], dist_reduce_fx="cat")
        self.add_state("n_columns", torch.tensor(0), dist_reduce_fx="max")
        self.add_state("n_seen", torch.tensor(0), dist_reduce_fx="sum")
        # Metrics of a collection share states that are equal at first: those of
        # different sizes are not.
        self.add_state("n_kept", torch.tensor(max_samples), dist_reduce_fx="max")

    def _add(self, Z, *columns):
        """Add rows of Z, with numbers that belong to them, to the reservoir."""
        Z = Z.detach().reshape(len(Z), -1).to(self.dtype)
        keys = _keys(self.random_state, _rank(), int(self.n_seen), len(Z))
        columns = [torch.from_numpy(keys), *columns]
        columns = [one.to(Z.device, self.dtype)[:, None] for one in columns]
        rows = torch.cat([*columns, Z], dim=1)
        if self.n_columns not in (0, rows.shape[1]):
            raise ValueError(
                f"Z must have the {int(self.n_columns) - len(columns)} features of "
                f"earlier batches; got {Z.shape[1]}. Call reset() before other samples."
            )
        self.n_seen += len(Z)
        self.n_columns.fill_(rows.shape[1])
        self.reservoir = [self._kept(rows).flatten()]

    def _kept(self, *more):
        """Rows with the smallest keys, in the order of these."""
        flat = self.reservoir if isinstance(self.reservoir, list) else [self.reservoir]
        rows = torch.cat(
            [one.reshape(-1, int(self.n_columns)) for one in flat] + [*more]
        )
        order = torch.sort(rows[:, 0], stable=True).indices
        return rows[order[: self.max_samples]]

    def _measured(self, n_columns, target=None):
        """Measure of the features in the rows, a tensor."""
        if not self.n_seen:
            raise ValueError("there are no samples: call update before compute.")
        rows = self._kept()
        measure = clone(self.estimator)
        seed_measure(measure, self.random_state)
        target = target if target is None else target(rows[:, 1])
        value, _ = fit_and_tell(measure, rows[:, n_columns:], target)
        return torch.tensor(value, dtype=self.dtype, device=self.device)


class DSEMetric(_ReservoirMetric):  # numpydoc ignore=PR02
    """Diffusion spectral entropy of a representation, as a metric of TorchMetrics.

    ``update`` takes batches and keeps a random sample of bounded size; ``compute``
    measures it. On several ranks, it is a sample of the rows of all ranks.

    Parameters
    ----------
    estimator : estimator or None, default=None
        What measures the rows; None is :class:`~skdse.DiffusionSpectralEntropy`.
    max_samples : int, default=2000
        Rows that are kept, at random. More need more memory and time.
    random_state : int, default=0
        Seed of the choice of rows, and of the estimator if it has none. The same rows
        of the same order are kept after each ``reset``, whatever the batches are.
    **kwargs
        Parameters of :class:`torchmetrics.Metric`, such as ``sync_on_compute``.

    See Also
    --------
    DSMIMetric : Mutual information with labels.

    Notes
    -----
    Rows are kept in the precision of the metric, float32 unless ``set_dtype`` was
    called. ``forward`` measures each batch as well; where that is not needed,
    ``update`` is much faster.

    Examples
    --------
    Measure what comes in batches:

    >>> import torch
    >>> from skdse.integrations.torchmetrics import DSEMetric
    >>> metric = DSEMetric(max_samples=500)
    >>> generator = torch.Generator().manual_seed(0)
    >>> for _ in range(10):
    ...     metric.update(torch.randn(100, 8, generator=generator))
    >>> print(f"{metric.compute():.1f} bits")
    6.6 bits
    """

    def update(self, Z: torch.Tensor) -> None:
        """Add a batch.

        Parameters
        ----------
        Z : torch.Tensor of shape (n_samples, ...)
            Activations; what follows the first dimension is flattened.
        """
        self._add(Z)

    def compute(self) -> torch.Tensor:
        """Measure the rows of all batches since the last reset.

        Returns
        -------
        entropy : torch.Tensor of shape ()
            DSE [bits].
        """
        return self._measured(1)


class DSMIMetric(_ReservoirMetric):  # numpydoc ignore=PR02
    """Diffusion spectral mutual information, as a metric of TorchMetrics.

    ``update`` takes batches and keeps a random sample of bounded size; ``compute``
    measures it. On several ranks, it is a sample of the rows of all ranks.

    Parameters
    ----------
    estimator : estimator or None, default=None
        What measures the rows; None is :class:`~skdse.DiffusionSpectralMI`.
    max_samples : int, default=2000
        Rows that are kept, at random. More need more memory and time.
    random_state : int, default=0
        Seed of the choice of rows, and of the estimator if it has none. The same rows
        of the same order are kept after each ``reset``, whatever the batches are.
    **kwargs
        Parameters of :class:`torchmetrics.Metric`, such as ``sync_on_compute``.

    See Also
    --------
    DSEMetric : Entropy.

    Notes
    -----
    Rows and labels are kept in the precision of the metric, float32 unless
    ``set_dtype`` was called: labels must be below 2**24. ``forward`` measures each
    batch as well; where that is not needed, ``update`` is much faster.

    Examples
    --------
    Measure two groups, far from each other, that come in batches:

    >>> import torch
    >>> from skdse.integrations.torchmetrics import DSMIMetric
    >>> metric = DSMIMetric(max_samples=500)
    >>> generator = torch.Generator().manual_seed(0)
    >>> labels = torch.arange(100) % 2
    >>> for _ in range(10):
    ...     Z = torch.randn(100, 8, generator=generator)
    ...     metric.update(Z + 100 * labels[:, None], labels)
    >>> print(f"{metric.compute():.1f} bits")
    0.2 bits
    """

    measure = "dsmi"
    has_real_labels: torch.Tensor

    def __init__(
        self,
        estimator: Any = None,
        *,
        max_samples: int | None = 2000,
        random_state: int = 0,
        **kwargs: Any,
    ) -> None:
        super().__init__(
            estimator, max_samples=max_samples, random_state=random_state, **kwargs
        )
        self.add_state("has_real_labels", torch.tensor(0), dist_reduce_fx="max")

    def update(self, Z: torch.Tensor, y: torch.Tensor) -> None:
        """Add a batch.

        Parameters
        ----------
        Z : torch.Tensor of shape (n_samples, ...)
            Activations; what follows the first dimension is flattened.
        y : torch.Tensor of shape (n_samples,)
            Labels, or real numbers.
        """
        if y.shape != Z.shape[:1]:
            raise ValueError(
                f"y must have a label for each of {len(Z)} samples; got the shape "
                f"{tuple(y.shape)}."
            )
        self.has_real_labels |= int(y.is_floating_point())
        self._add(Z, y)

    def compute(self) -> torch.Tensor:
        """Measure the rows of all batches since the last reset.

        Returns
        -------
        mutual_info : torch.Tensor of shape ()
            DSMI [bits].
        """
        return self._measured(2, lambda y: y if self.has_real_labels else y.long())


def _keys(seed, rank, start, n):
    """Random keys of n rows, of which start came before; of their numbers alone."""
    philox = np.random.Philox(key=[seed, rank])
    raw = philox.advance(start // 4).random_raw(start % 4 + n)[start % 4 :]
    return (raw >> np.uint64(64 - KEY_BITS)).astype(np.float64)


def _rank():
    """Rank of this process; 0 where there is one process alone."""
    distributed = torch.distributed
    return distributed.get_rank() if distributed.is_initialized() else 0
