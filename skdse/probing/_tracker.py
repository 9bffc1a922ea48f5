"""Track the measures of a network's layers, epoch by epoch.

model ─► activations of the same samples ─► measures of each layer ─► records, CSV.
"""

from collections.abc import Callable
from contextlib import nullcontext
from numbers import Integral
from os import PathLike
from time import perf_counter
from typing import Any, Self

from sklearn.base import BaseEstimator

from .._measures.catalogue import (
    BY_DEFAULT,
    measure_layers,
    prepare_measures,
)
from .._measures.spectra import fitted_spectrum
from .._tools.doc_links import DocLinkMixin
from .._tools.hints import Layers, Seed
from .._tools.progress import say
from .._tools.validation import check_callable, check_count, check_option
from ._accuracy import accuracy_of, module_of, takes_part, warn_of_not_finite
from ._activations import layer_activations
from ._budget import let_go, number_of_rows
from ._callbacks import SkorchCallback
from ._choice import named_measures
from ._collapse import (
    SIGNS,
    check_collapse_parameters,
    new_collapses,
    report_collapses,
    signs_of_collapse,
)
from ._hooks import predictions
from ._records import (
    KEYS,
    described,
    hash_of_settings,
    numbers_of,
    put_records,
    records_of_run,
)
from ._results import TrackerResults
from ._resuming import Resumable
from ._samples import Samples
from ._wrapped import is_first, together

# Columns of a record that are not measures.
COLUMNS = (*KEYS, *SIGNS, "n_samples", "n_features", "accuracy", "seconds", "settings")


class RepresentationTracker(
    SkorchCallback, Resumable, TrackerResults, DocLinkMixin, BaseEstimator
):
    """Measure the layers of a network, epoch by epoch.

    Call the tracker with the network at each epoch, or pass it to a net of skorch as a
    callback. Each time, it measures the activations of the same samples: entropy (DSE,
    how many states they fill) and mutual information (DSMI, how much lower the entropy
    is among samples of one label than among random samples). It keeps a record for
    each layer, and also writes it to a file if there is a `path`.

    Parameters
    ----------
    measures : str, list of str or dict, default=("dse", "dsmi_share", "dsmi_wide")
        What to measure, in bits but for shares: "dse" is
        :class:`DiffusionSpectralEntropy`; "dsmi" is :class:`DiffusionSpectralMI` with
        `y`; "dsmi_share" and "dsmi_wide" are its forms to compare representations and
        to follow a network (:ref:`forms-of-dsmi`); "dsmi_input" is "dsmi_wide" with
        clusters of `X`, which are found once. They are measured to a standard error of
        at most 0.02 bits: DSE with ``tol=0.01``, DSMI with as many ``n_repeats`` as it
        needs, 5 to 100. For other parameters, pass estimators with names of your own,
        ``{"dse_t2": DiffusionSpectralEntropy(t=2)}``; ``(estimator, "X")`` is mutual
        information with `X`.
    layers : str, int, list of these or None, default=None
        Layers, see :func:`layer_activations`.
    X : array-like, torch.Tensor, dict, tuple, Dataset or DataLoader, default=None
        Samples to show to the network, as :func:`layer_activations` takes them. Use
        samples that the network was not trained on. A DataLoader must not shuffle.
        "dsmi_input" needs an array or tensor, or a Dataset or DataLoader of tensors.
    y : array-like or tensor of shape (n_samples,) or (n_samples, ...), default=None
        Labels of `X`, for DSMI and the accuracy. If None, they are the second entries
        that a Dataset or DataLoader gives, or "labels" of its dictionaries.
    pooling : {"mean", "max", "cls", "last", "tokens", "flatten"} or callable, \
            default="mean"
        How outputs of layers become features, see :func:`layer_activations`. With
        "tokens", each token has the label of its sample.
    channels : {"auto", "first", "last"}, default="auto"
        Which axis of maps has the features, see :func:`layer_activations`.
    max_samples : int, "auto" or None, default="auto"
        Number of rows (samples, or tokens) that are measured and kept at most. They are
        the same each epoch, and depend on `random_state`. "auto" is 2,500. More rows
        have a higher entropy, and take more time. None is all samples. The accuracy,
        too, is of these samples, unless all pass through the network.
    batch_size : int, default=256
        Number of samples that a module gets at a time. More need more memory.
    keep_on_device : bool, default=True
        Whether activations of a module or net stay on its device, and are measured
        there. If False, they are copied to the host, layer by layer, which needs less
        memory of the device. With a model on the CPU it makes no difference.
    accuracy : callable, "auto" or None, default="auto"
        "auto" is the share of samples whose largest output, or prediction, is `y`. Of
        an estimator that was trained on rows of several labels it is the share of rows
        predicted exactly, as its `score` is; of one-hot rows, the class counts alone.
        NaN if the outputs are not scores of classes. A callable gets the model, `X` and
        `y`, such as a scorer of scikit-learn. None gives NaN.
    every : int, default=1
        Measure every so many epochs: those whose number is a multiple of `every`. A
        larger number takes less time.
    path : str, path-like or None, default=None
        CSV file to which the records are written after each epoch. If the file has
        this run already, the run continues: epochs in it are not measured again.
    run : str, default=""
        Name of the run in the records. A file may have several, one after another.
    random_state : int, RandomState instance or None, default=0
        Seed of measures that have no seed. With an integer, all epochs and layers are
        measured with the same random subsets.
    log : callable, default=None
        Called as ``log(numbers, epoch)`` after each measured epoch, such as
        ``wandb.log`` or ``mlflow.log_metrics``. The dictionary has each measure by
        layer, ``"hidden_1/dse"``, and ``"accuracy"``; numbers that are NaN are left
        out. Epochs that are in the file already are not logged again.
    on_collapse : {"warn", "raise"}, callable or None, default=None
        What to do when a layer collapses: its rank or its spread (``feature_rank`` and
        ``feature_spread`` of the records, see `records_`) falls under `collapse_share`
        of its start, or the layer is constant. "warn" gives a
        :class:`CollapseWarning`, "raise" a :class:`CollapseError`. A callable gets the
        list of :class:`Collapse`. Each layer is reported once in a run, when its epoch
        is recorded and logged. None does not look.
    collapse_share : float, default=0.1
        Share of the start, in (0, 1), under which a layer counts as collapsed. The
        start is the first epoch in the records: call the tracker before training. A
        larger share tells earlier, and also of networks that train well.
    verbose : int, default=0
        Whether to say on standard error what was measured: 0 is silent.

    Attributes
    ----------
    records_ : list of dict
        A record for each epoch and layer: ``run``, ``epoch``, ``layer``,
        ``n_samples``, ``n_features``, each measure by its name, its standard error for
        these rows (such as ``dse_std_error``; NaN if unknown), ``accuracy``,
        ``seconds`` (the time for this record), and ``settings``, a hash of samples and
        parameters. With `on_collapse` also ``feature_rank``, the effective rank of the
        centred features (from 1, a line, to the number of features), and
        ``feature_spread``, the distance of the samples from their mean relative to
        their size (0 to 1).
    spectra_ : dict of str to object
        Spectrum of the first entropy (DSE) among the measures, by layer, at the epoch
        measured last. `to_html` shows them. They are not in the file.

    See Also
    --------
    layer_activations : The activations alone.
    skdse.reporting.RepresentationReport : What `to_html` writes.
    skdse.model_selection.representation_scorer : A scorer, also for the
        ``EpochScoring`` of skorch.

    Notes
    -----
    skorch calls the tracker before the first epoch, as epoch 0, and at the end of each
    epoch. The tracker does not need skorch to be installed. In
    :class:`~sklearn.model_selection.GridSearchCV`, each clone of a net has its own
    tracker. Leave `path` None there, or give each candidate its own `path`; otherwise
    a candidate continues the run of another.

    A training that goes on from a checkpoint calls :meth:`resume`, so that records
    describe it; callbacks do so, and in skorch the tracker itself.

    Measuring does not change the training, see the notes of :func:`layer_activations`.
    Activations that are not finite are recorded as NaN, with a warning.

    Only one process at a time may write to a file. The file is replaced as a whole, so
    that an interruption leaves the records of all epochs before it.

    Examples
    --------
    How do the layers of a perceptron change in its first epochs?

    >>> from sklearn.datasets import load_digits
    >>> from sklearn.neural_network import MLPClassifier
    >>> from skdse.probing import RepresentationTracker
    >>> X, y = load_digits(return_X_y=True)
    >>> tracker = RepresentationTracker("dsmi_wide", "hidden_1", X[:500], y[:500])
    >>> mlp = MLPClassifier(64, learning_rate_init=0.01, random_state=0)
    >>> for epoch in range(1, 6):
    ...     _ = tracker(mlp.partial_fit(X[500:], y[500:], classes=range(10)), epoch)
    >>> for record in (tracker.records_[0], tracker.records_[-1]):
    ...     print(f"epoch {record['epoch']}: {record['dsmi_wide']:.1f} bits")
    epoch 1: 1.3 bits
    epoch 5: 1.5 bits
    """

    def __init__(
        self,
        measures: Any = BY_DEFAULT,
        layers: Layers = None,
        X: Any = None,
        y: Any = None,
        *,
        pooling: str | Callable = "mean",
        channels: str = "auto",
        max_samples: int | str | None = "auto",
        batch_size: int = 256,
        keep_on_device: bool = True,
        accuracy: str | Callable | None = "auto",
        every: int = 1,
        path: str | PathLike | None = None,
        run: str = "",
        random_state: Seed = 0,
        log: Callable | None = None,
        on_collapse: str | Callable | None = None,
        collapse_share: float = 0.1,
        verbose: int = 0,
    ) -> None:
        self.measures = measures
        self.layers = layers
        self.X = X
        self.y = y
        self.pooling = pooling
        self.channels = channels
        self.max_samples = max_samples
        self.batch_size = batch_size
        self.keep_on_device = keep_on_device
        self.accuracy = accuracy
        self.every = every
        self.path = path
        self.run = run
        self.random_state = random_state
        self.log = log
        self.on_collapse = on_collapse
        self.collapse_share = collapse_share
        self.verbose = verbose

    def __call__(self, model, epoch=None):
        """Measure the model at an epoch, if not yet done, and return its records.

        If epoch is None, it is the epoch after the last call; the first is 0. Call it
        in each process where several train together; the first one measures and writes,
        and all raise an error that one of them has.
        """
        with together():
            if not hasattr(self, "records_"):
                self.initialize()
            if epoch is None:
                epoch = self._epoch + 1
            check_count(epoch, "epoch", minimum=0)
            self._epoch = int(epoch)
            return self._record(model, self._epoch)

    def _record(self, model, epoch):
        """Measure, if not yet done; keep, write, log; look for collapse."""
        known = [one for one in self.records_ if one["epoch"] == epoch]
        is_due = not known and epoch % self.every == 0
        if not takes_part(model, is_due):
            return known
        if not is_first():
            self._look(model)
            return known
        records = self._measure_epoch(model, epoch)
        if self.path is not None:
            put_records(self.path, records)
        self.records_ += records
        if self.log is not None:
            self.log(numbers_of(records), epoch)
        if self.on_collapse is not None:
            found = new_collapses(self.records_, epoch, self.collapse_share)
            report_collapses(found, self.on_collapse)
        return records

    def initialize(self) -> Self:
        """Start again from the records in the file; skorch calls this method.

        Returns
        -------
        self : object
            The tracker.

        Raises
        ------
        ValueError
            If a parameter is invalid, or the file has records of this run that were
            measured with other samples or parameters.
        """
        self._check_parameters()
        self.records_: list[dict[str, Any]] = []
        self.spectra_: dict[str, Any] = {}
        self._prepared, self._epoch = None, -1
        self._settings = self._hash_of_settings()
        if self.path is not None:
            self.records_ = records_of_run(self.path, self.run, self._settings)
        return self

    def _check_parameters(self):
        """Raise if a parameter is invalid."""
        check_count(self.every, "every")
        if self.X is None:
            raise ValueError("X must be samples to show to the network; got None.")
        if not isinstance(self.run, str):
            raise TypeError(f"run must be a str; got {self.run!r}.")
        if self.accuracy is not None and not callable(self.accuracy):
            check_option(self.accuracy, "accuracy", ("auto",))
        if self.log is not None:
            check_callable(self.log, "log")
        check_collapse_parameters(self.on_collapse, self.collapse_share)
        measures = self._named_measures().values()
        needs_inputs = any(against == "X" for _, against in measures)
        self._n_rows = number_of_rows(self.max_samples)
        self._samples = Samples(
            self.X, self.y, self._n_rows, self._seed(), needs_inputs
        )

    def _seed(self):
        """Seed of the choice of rows."""
        is_number = isinstance(self.random_state, Integral)
        return int(self.random_state) if is_number else 0

    def _named_measures(self):
        """Unfitted copies of the measures by name, seeded, each with "X" or "y"."""
        return named_measures(self.measures, self.random_state, COLUMNS)

    def _hash_of_settings(self):
        """Hash of everything that the records depend on, except the network."""
        measures = {
            name: (type(one).__name__, described(one.get_params()), against)
            for name, (one, against) in self._named_measures().items()
        }
        return hash_of_settings(
            measures,
            self.layers,
            self._samples.content,
            self._samples.y,
            self.pooling,
            self.accuracy,
            max_samples=self._n_rows,
            channels=None if self.channels == "auto" else self.channels,
        )

    def _measure_epoch(self, model, epoch):
        """Records of all layers at an epoch."""
        start = perf_counter()
        activations, accuracy, samples = self._look(model)
        if self._prepared is None:
            self._prepared = prepare_measures(
                self._named_measures(),
                self._samples.inputs_of(samples),
                self._samples.labels_of(samples),
                self.random_state,
            )
        looking = (perf_counter() - start) / len(activations)
        warn_of_not_finite(activations, epoch)
        occasion = f" at epoch {epoch}"
        records, spectra = [], {}
        for found in measure_layers(
            let_go(activations), self._prepared, occasion=occasion, skip_not_finite=True
        ):
            n_samples, n_features = activations[found.name].shape
            record = {"run": self.run, "epoch": epoch, "layer": found.name}
            record |= {"n_samples": n_samples, "n_features": n_features, **found.values}
            record |= {"accuracy": accuracy, "seconds": looking + found.seconds}
            if self.on_collapse is not None:
                record |= signs_of_collapse(activations[found.name])
            records.append(record | {"settings": self._settings})
            spectra[found.name] = fitted_spectrum(found.fitted, epoch)
            del found  # with its samples, while the next layer is measured
        self.spectra_ = {name: one for name, one in spectra.items() if one is not None}
        if self.verbose:
            seconds = sum(record["seconds"] for record in records)
            say(f"epoch {epoch}: measured {len(records)} layers in {seconds:.1f} s")
        return records

    def _look(self, model):
        """Activations of the layers, the accuracy, and the sample of each row."""
        module = module_of(model)
        with nullcontext() if module is None else predictions(module) as classes:
            activations, samples = layer_activations(
                model,
                self.X,
                self.layers,
                pooling=self.pooling,
                channels=self.channels,
                batch_size=self.batch_size,
                max_samples=self._n_rows,
                random_state=self._seed(),
                keep_on_device=self.keep_on_device,
                return_samples=True,
            )
        accuracy = accuracy_of(model, self._samples, self.accuracy, classes, samples)
        return activations, accuracy, samples
