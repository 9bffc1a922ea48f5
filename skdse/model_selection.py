"""Choose models and representations by DSE and DSMI.

Scorers measure the representation that a fitted estimator makes of held-out samples;
``select_representation`` ranks representations of the same samples.
"""

import time
from collections.abc import Callable, Mapping
from functools import partial
from numbers import Integral
from typing import Any

import numpy as np
from scipy.stats import rankdata
from sklearn.base import BaseEstimator, clone
from sklearn.utils import Bunch, check_consistent_length, check_random_state

from ._measures.base import MAX_SEED
from ._measures.catalogue import (
    MEASURES,
    OF_PAIRS,
    default_measure,
    fit_and_tell,
    group_once,
    seed_measure,
    target_of,
)
from ._measures.mutual_info import DiffusionSpectralMI
from ._measures.permutation import mutual_info_permutation_test
from ._tools.hints import SamplesLike, Seed, TargetsLike
from ._tools.intake import gathered
from ._tools.progress import Progress
from ._tools.validation import (
    check_count,
    check_kind,
    check_measure,
    check_option,
    check_work,
    count_samples,
)
from .probing._representation import as_matrix, check_representation, represent

__all__ = ["representation_scorer", "select_representation"]

AGAINST = ("X", "y")


def representation_scorer(
    measure: Any = "dsmi_share",
    *,
    representation: str | int | Callable = "auto",
    against: str | None = None,
    random_state: Seed = 0,
) -> Callable[..., float]:
    """Make a scorer of the representation that a fitted estimator makes.

    The scorer is a callable ``scorer(estimator, X, y=None)`` for the parameter
    ``scoring`` of :class:`~sklearn.model_selection.GridSearchCV`,
    :func:`~sklearn.model_selection.cross_validate` and similar functions, alone or in
    a dictionary with other scorers. The estimator turns the held-out samples X into a
    representation Z. The scorer fits `measure` to Z and returns the entropy of Z (DSE),
    or the mutual information of Z with y or with X (DSMI).

    Parameters
    ----------
    measure : {"dse", "dsmi", "dsmi_share", "dsmi_wide", "dsmi_input"} or estimator, \
            default="dsmi_share"
        "dse" is :class:`DiffusionSpectralEntropy` of Z [bits]; "dsmi" is
        :class:`DiffusionSpectralMI` of Z and y [bits]; "dsmi_share" and "dsmi_wide"
        are its forms to compare representations [share of the entropy] and to follow
        one network [bits], see :ref:`forms-of-dsmi`; "dsmi_input" is "dsmi_wide" of Z
        and clusters of X. For other parameters, pass an estimator: DSE, DSMI, a
        baseline such as :class:`ShannonEntropy`, or any estimator with ``fit`` and
        ``score``. It is cloned.
    representation : str, int or callable, default="auto"
        Which representation of the estimator is measured:

        - "auto": the last hidden layer of a perceptron, alone or at the end of a
          pipeline; for another pipeline, the input of the predictor at its end; for a
          transformer, its output;
        - the name of a step of a pipeline: the output of this step;
        - "transform", "decision_function" or "predict_proba": the output of this
          method;
        - an integer: the activations in this hidden layer of a perceptron, alone or
          at the end of a pipeline; 1 is the first layer, -1 the last;
        - the name of a layer of a skorch net, as in ``module_.named_modules()``;
        - a callable ``(estimator, X) -> Z``.

        For a fitted search such as GridSearchCV, its ``best_estimator_`` is used.
    against : {"y", "X"} or None, default=None
        Target of mutual information: y, or the X that the scorer gets. None is "X"
        for "dsmi_input", otherwise "y".
    random_state : int, RandomState instance or None, default=0
        Seed of `measure`, and of estimators inside it, if they have no seed. With an
        integer, all candidates of a search are measured with the same random subsets,
        and a score is the same each time.

    Returns
    -------
    scorer : callable
        A greater score is more entropy, or more mutual information. The scorer can be
        cloned and pickled, and takes no metadata.

    Raises
    ------
    TypeError
        If `measure` is not an estimator.
    ValueError
        If a parameter is invalid.

    See Also
    --------
    select_representation : Rank representations of the same samples.
    sklearn.metrics.make_scorer : Make a scorer of predictions.

    Notes
    -----
    Pass the scorer itself to ``scoring``, not a string: scikit-learn accepts only the
    names of its own scorers.

    Tensors are measured on their device. Searches pass them to estimators that take
    them under ``sklearn.config_context(array_api_dispatch=True)``.

    All measures depend on the number of samples. You can compare scores of folds of
    the same size, but not the points of a learning curve.

    Examples
    --------
    Choose the number of components by the DSMI of the digits and their labels:

    >>> from sklearn.datasets import load_digits
    >>> from sklearn.decomposition import PCA
    >>> from sklearn.model_selection import GridSearchCV
    >>> from skdse.model_selection import representation_scorer
    >>> X, y = load_digits(return_X_y=True)
    >>> search = GridSearchCV(
    ...     PCA(random_state=0),
    ...     {"n_components": [1, 2, 16]},
    ...     scoring=representation_scorer("dsmi_share"),
    ...     cv=3,
    ... )
    >>> search.fit(X, y).best_params_
    {'n_components': 16}
    """
    if isinstance(measure, str):
        check_option(measure, "measure", MEASURES)
    else:
        check_measure(measure, "measure", f"one of {sorted(MEASURES)} or an estimator")
    check_representation(representation)
    if against is not None:
        check_option(against, "against", AGAINST)
    check_random_state(random_state)
    return _RepresentationScorer(
        measure,
        representation=representation,
        against=against,
        random_state=random_state,
    )


class _RepresentationScorer(BaseEstimator):
    """Scorer with parameters, so that it can be cloned, shown and asked for routing."""

    def __init__(self, measure, *, representation, against, random_state):
        self.measure = measure
        self.representation = representation
        self.against = against
        self.random_state = random_state

    def __call__(self, estimator, X, y=None):
        measure, against = _measure_of(self.measure, self.against)
        target = target_of(self.measure, measure, against, X, y)
        seed_measure(measure, self.random_state)
        Z = represent(estimator, X, self.representation)
        return fit_and_tell(measure, Z, target)[0]

    def __repr__(self, N_CHAR_MAX=700):
        name = type(self).__name__
        call = super().__repr__(N_CHAR_MAX)
        return call.replace(name, "representation_scorer", 1)

    @property
    def __name__(self):
        # The name of a function, by which tables such as those of skore list a score.
        is_named = isinstance(self.measure, str)
        return self.measure if is_named else type(self.measure).__name__

    def _accept_sample_weight(self):
        # Since version 1.9, scikit-learn asks each of several scorers.
        return False


def select_representation(
    candidates: Mapping[str, Any],
    X: SamplesLike,
    y: TargetsLike | None = None,
    *,
    measure: Any = "dsmi_share",
    n_permutations: int = 200,
    random_state: Seed = None,
    n_jobs: int | None = None,
    verbose: int = 0,
) -> Bunch:
    """Rank representations of the same samples by mutual information (DSMI).

    All candidates are measured with the same random subsets and the same groups.

    Parameters
    ----------
    candidates : dict of str to array-like, tensor or estimator
        Representations by name: arrays of shape (n_samples, n_features), which stay on
        their device, or estimators.
        Estimators are cloned and fitted to X and y; their representation of X is that
        of :func:`representation_scorer` with ``representation="auto"``.
    X : array-like or tensor of shape (n_samples, n_features)
        Samples to which estimators are fitted.
    y : array-like or tensor of shape (n_samples,) or (n_samples, ...), default=None
        Labels, values or vectors. "dsmi_input" does not need y.
    measure : {"dsmi_share", "dsmi", "dsmi_wide", "dsmi_input"} or \
            DiffusionSpectralMI, default="dsmi_share"
        "dsmi_share" is mutual information with y as a share of the entropy, the form
        that ranks representations best (:ref:`forms-of-dsmi`); the others are in bits,
        "dsmi_input" with clusters of X. For other parameters, pass an estimator.
    n_permutations : int, default=200
        Permutations of :func:`mutual_info_permutation_test`. More allow smaller
        p-values. 0 leaves the test out.
    random_state : int, RandomState instance or None, default=None
        Seed of clusters, subsets and permutations.
    n_jobs : int, default=None
        Number of groups and subsets measured at a time, in threads; None uses that of
        `measure`. Results do not depend on it.
    verbose : int, default=0
        Whether to show progress on standard error: 0 is silent.

    Returns
    -------
    ranking : Bunch
        Arrays with an entry for each candidate, the best first: ``rank``, ``name``,
        ``dsmi`` [share of the entropy, or bits, as `measure` says], ``std_error``,
        ``pvalue`` (NaN without a test), ``n_features``, ``fit_time`` and
        ``score_time`` [seconds]. ``pandas.DataFrame(ranking)`` makes a table of them.

    Raises
    ------
    TypeError
        If `candidates` is not a dictionary, or `measure` is not a mutual information.
    ValueError
        If a candidate, X, y or a parameter is invalid.

    See Also
    --------
    representation_scorer : Measure held-out samples in a search.
    mutual_info_permutation_test : The test behind ``pvalue``.

    Notes
    -----
    A candidate that learns from y, such as a perceptron, is measured on the samples
    that it was trained on, and neither its rank nor its p-value is fair. Fit it to
    other samples, and pass it in a :class:`sklearn.frozen.FrozenEstimator`, which is
    not fitted again.

    Each p-value is for a single test: with many candidates, some are small by chance.

    Examples
    --------
    Compare two components of the digits, sixteen components, and noise:

    >>> import numpy as np
    >>> from sklearn.datasets import load_digits
    >>> from sklearn.decomposition import PCA
    >>> from skdse.model_selection import select_representation
    >>> X, y = load_digits(return_X_y=True)
    >>> candidates = {
    ...     "noise": np.random.default_rng(0).normal(size=(len(X), 16)),
    ...     "2 components": PCA(2, random_state=0),
    ...     "16 components": PCA(16, random_state=0),
    ... }
    >>> ranking = select_representation(candidates, X, y, random_state=0)
    >>> for name, dsmi, p in zip(ranking.name, ranking.dsmi, ranking.pvalue):
    ...     print(f"{name:13s} {dsmi:5.2f}, p = {p:.3f}")
    16 components  0.16, p = 0.005
    2 components   0.11, p = 0.005
    noise         -0.00, p = 0.194
    """
    check_count(n_permutations, "n_permutations", minimum=0)
    check_work(n_jobs, verbose)
    if not isinstance(random_state, Integral):
        random_state = check_random_state(random_state).randint(MAX_SEED)
    X, y = gathered(X), gathered(y, "y")
    _check_candidates(candidates, X)
    dsmi, labels = _prepare(measure, X, y, random_state, n_jobs)
    test = partial(
        _test,
        labels=labels,
        dsmi=dsmi,
        n_permutations=n_permutations,
        random_state=random_state,
    )
    rows = []
    with Progress(len(candidates), "measuring representations", verbose) as progress:
        for name, candidate in candidates.items():
            rows.append(_measure_candidate(name, candidate, X, y, test))
            progress.advance()
    return _as_table(rows)


# One measure of one representation


def _measure_of(measure, against):
    """Return a new estimator of a measure, and the target of mutual information."""
    if isinstance(measure, str):
        measure, default = default_measure(measure)
        return measure, against or default
    return clone(measure), against or "y"


# Several representations of the same samples


def _check_candidates(candidates, X):
    """Raise unless candidates are estimators, or arrays as long as X, with names."""
    if not isinstance(candidates, Mapping):
        raise TypeError(
            "candidates must be a dict of names to arrays and estimators; "
            f"got {candidates!r}."
        )
    if not candidates:
        raise ValueError("candidates must have at least one entry; got {}.")
    for name, candidate in candidates.items():
        if isinstance(candidate, type):
            raise TypeError(
                f"candidates[{name!r}] must be an array or an estimator, not a class; "
                f"got {candidate!r}."
            )
        if not hasattr(candidate, "fit"):
            as_matrix(candidate, count_samples(X), f"candidates[{name!r}]")


def _prepare(measure, X, y, random_state, n_jobs):
    """Estimator of mutual information, and the group of each sample."""
    if isinstance(measure, str):
        check_option(measure, "measure", OF_PAIRS)
    else:
        names = ", ".join(map(repr, OF_PAIRS))
        check_kind(measure, DiffusionSpectralMI, "measure", f"{names} or a {{}}")
    dsmi, against = _measure_of(measure, None)
    target = target_of(measure, dsmi, against, X, y)
    check_consistent_length(X, target)
    seed_measure(dsmi, random_state)
    labels = group_once(dsmi, target)
    return dsmi if n_jobs is None else dsmi.set_params(n_jobs=n_jobs), labels


def _measure_candidate(name, candidate, X, y, test):
    """Row of the table for a candidate."""
    start = time.perf_counter()
    try:
        if hasattr(candidate, "fit"):
            Z = represent(clone(candidate).fit(X, y), X)
        else:
            Z = as_matrix(candidate, count_samples(X), f"candidates[{name!r}]")
        fitted = time.perf_counter()
        result = test(Z)
    except Exception as error:
        error.add_note(f"The candidate: {name!r}.")
        raise
    return {
        "name": name,
        **result,
        "n_features": Z.shape[1],
        "fit_time": fitted - start,
        "score_time": time.perf_counter() - fitted,
    }


def _test(Z, labels, dsmi, n_permutations, random_state):
    """Mutual information of Z and the groups, its error and p-value."""
    if n_permutations == 0:
        dsmi = clone(dsmi).fit(Z, labels)
        values = dsmi.mutual_info_, dsmi.mutual_info_std_error_, np.nan
    else:
        test = mutual_info_permutation_test(
            Z,
            labels,
            estimator=dsmi,
            n_permutations=n_permutations,
            random_state=random_state,
        )
        values = test.statistic, test.std_error, test.pvalue
    return dict(zip(("dsmi", "std_error", "pvalue"), values, strict=True))


def _as_table(rows):
    """Columns of the rows, the highest mutual information first."""
    rows = sorted(rows, key=lambda row: -row["dsmi"])
    columns = {key: np.array([row[key] for row in rows]) for key in rows[0]}
    columns["name"] = np.array([row["name"] for row in rows], dtype=object)
    rank = rankdata(-columns["dsmi"], method="min").astype(int)
    return Bunch(rank=rank, **columns)
