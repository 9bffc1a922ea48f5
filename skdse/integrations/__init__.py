"""Adapters for other frameworks; each needs its package.

Each module is imported by itself, and each has its extra:

- :mod:`skdse.integrations.anndata`: functions of AnnData, as scanpy has them.
- :mod:`skdse.integrations.torchmetrics`: metrics of TorchMetrics, in batches, on all
  ranks.
- :mod:`skdse.integrations.lightning`: a callback of Lightning.
- :mod:`skdse.integrations.transformers`: a callback of the Trainer of Transformers.
- :mod:`skdse.integrations.keras`: a callback of Keras 3 with the backend torch.

The callbacks call one :class:`~skdse.probing.RepresentationTracker`, which does the
work. In skorch, the tracker itself is the callback.
"""

__all__: list[str] = []
