"""All that is public takes tensors and arrays of a device, and gives NumPy's values."""

import pickle

import numpy as np
import pytest
from places import on_device
from sklearn.base import clone
from sklearn.datasets import load_digits

from skdse import (
    AdjacencySpectralEntropy,
    DiffusionSpectralEntropy,
    DiffusionSpectralMI,
    MatrixEntryEntropy,
    ShannonEntropy,
    diffusion_spectral_entropy,
    diffusion_spectral_mutual_info,
    mutual_info_confidence_interval,
    mutual_info_permutation_test,
)
from skdse._tools.arrays import to_host
from skdse.model_selection import representation_scorer, select_representation

N_SAMPLES = 120


def is_float(A):
    """Whether a NumPy array holds floats, as tensors that have a gradient do."""
    return A.dtype.kind == "f"


def tensor(A):
    """Tensor on the CPU."""
    return pytest.importorskip("torch").tensor(A)


def tensor_with_gradient(A):
    """Tensor that a training needs the gradient of."""
    return tensor(A).requires_grad_(is_float(A))


def tensor_in_columns(A):
    """Tensor that is not contiguous."""
    return tensor(np.ascontiguousarray(A.T)).T if A.ndim == 2 else tensor(A)


def bfloat16(A):
    """Tensor in the precision of training; the values have no more digits."""
    return tensor(A).bfloat16() if is_float(A) else tensor(A)


def float16(A):
    """Tensor in half precision."""
    return tensor(A).half() if is_float(A) else tensor(A)


# Jobs whose result has a gradient where a tensor asks for one.
FUNCTIONS = ("entropy", "mutual information")
TENSORS = (tensor, tensor_with_gradient, tensor_in_columns, bfloat16, float16)
HALVES = (bfloat16, float16)


def samples(dtype=np.float64):
    """Digits, which are whole numbers up to 16, and their labels."""
    X, y = load_digits(return_X_y=True)
    return X[:N_SAMPLES].astype(dtype), y[:N_SAMPLES]


class Identity:
    """Transformer that hands on what it gets."""

    def transform(self, X):
        return X


def fitted(estimator, *target):
    """Function that fits a copy, and gives its value and that of its score."""

    def run(X, y):
        one = clone(estimator).fit(X, *[y for _ in target])
        name = "mutual_info_" if target else "entropy_"
        values = getattr(one, name), one.score(X, *[y for _ in target])
        assert all(type(value) is float for value in values)
        return values

    return run


def ranking(X, y, measure="dsmi"):
    """Values of two representations."""
    candidates = {"all": X, "equal": X * 1}
    return select_representation(
        candidates, X, y, measure=measure, n_permutations=0, random_state=0
    ).dsmi


def permutation_test(X, y):
    """Statistic and null distribution."""
    found = mutual_info_permutation_test(X, y, n_permutations=9, random_state=0)
    return [found.statistic, found.pvalue, *found.null_distribution]


def interval(X, y):
    """Statistic and its interval."""
    found = mutual_info_confidence_interval(X, y, n_subsamples=3, random_state=0)
    return found.statistic, found.low, found.high


def score_of(measure):
    """Function that scores a representation."""
    return lambda X, y: representation_scorer(measure)(Identity(), X, y)


def subsampled(X, y):
    """Two subsamples of each set."""
    dse = DiffusionSpectralEntropy(max_samples=60, n_repeats=2, random_state=0)
    dsmi = DiffusionSpectralMI(max_samples=80, n_repeats=2, random_state=0)
    return dse.fit(X).entropy_, dsmi.fit(X, y).mutual_info_


JOBS = {
    "dse": fitted(DiffusionSpectralEntropy()),
    "laplacian": fitted(DiffusionSpectralEntropy(affinity="laplacian")),
    "graph": fitted(DiffusionSpectralEntropy(affinity="nearest_neighbors")),
    "matched": fitted(
        DiffusionSpectralEntropy(affinity="nearest_neighbors", t="matched")
    ),
    "shannon": fitted(ShannonEntropy()),
    "matrix entries": fitted(MatrixEntryEntropy()),
    "adjacency": fitted(AdjacencySpectralEntropy("nearest_neighbors")),
    "dsmi": fitted(DiffusionSpectralMI(random_state=0), "y"),
    "dsmi of cells": fitted(DiffusionSpectralMI(ShannonEntropy(), random_state=0), "y"),
    "subsamples": subsampled,
    "entropy": lambda X, y: diffusion_spectral_entropy(X),
    "mutual information": lambda X, y: diffusion_spectral_mutual_info(
        X, y, random_state=0
    ),
    "permutation test": permutation_test,
    "interval": interval,
    "ranking": ranking,
    "ranking by inputs": lambda X, y: ranking(X, None, "dsmi_input"),
    "dse scorer": score_of("dse"),
    "dsmi scorer": score_of("dsmi"),
    "share scorer": score_of("dsmi_share"),
    "wide scorer": score_of("dsmi_wide"),
    "input scorer": score_of("dsmi_input"),
}
QUIET = pytest.mark.filterwarnings("ignore:.*(few samples|same value|all samples)")


@QUIET
@pytest.mark.parametrize("job", JOBS)
def test_arrays_of_a_device_give_the_value_of_numpy(job):
    X, y = samples()
    expected = JOBS[job](X, y)
    found = JOBS[job](on_device(X), on_device(y))
    np.testing.assert_allclose(found, expected, atol=1e-9)
    np.testing.assert_array_equal(JOBS[job](on_device(X), y), found)


@QUIET
@pytest.mark.parametrize("kind", TENSORS)
@pytest.mark.parametrize("job", JOBS)
def test_tensors_on_the_host_give_the_bits_of_numpy(job, kind):
    X, y = samples(np.float32 if kind in HALVES else np.float64)
    if kind is tensor_in_columns:
        X = np.asfortranarray(X)  # as the tensor is, where the order of sums shows
    expected, found = JOBS[job](X, y), JOBS[job](kind(X), kind(y))
    if job in FUNCTIONS and kind is tensor_with_gradient:
        # The functions have a gradient then, and sum up in another order.
        assert found.requires_grad
        np.testing.assert_allclose(found.item(), expected, atol=1e-9)
        return
    np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize("place", [on_device, tensor])
@pytest.mark.parametrize("target", ["values", "vectors", "images", "column"])
def test_targets_of_any_kind(target, place):
    X, y = samples()
    y = {
        "values": X @ np.arange(64.0) + 0.5,
        "vectors": X,
        "images": X.reshape(-1, 8, 8),
        "column": y[:, None],
    }[target]
    dsmi = DiffusionSpectralMI(random_state=0)
    expected, found = dsmi.fit(X, y), clone(dsmi).fit(place(X), place(y))
    np.testing.assert_array_equal(found.labels_, expected.labels_)
    assert found.mutual_info_ == pytest.approx(expected.mutual_info_, abs=1e-9)
    scores = expected.score(X, y), found.score(place(X), place(y))
    assert scores[1] == pytest.approx(scores[0], abs=1e-9)


def test_whole_numbers_in_vectors_are_clustered_on_the_device():
    X, y = samples()
    Y = 3 * np.eye(10, dtype=np.int64)[y]
    found = DiffusionSpectralMI(random_state=0).fit(on_device(X), on_device(Y))
    assert len(np.unique([found.labels_, y], axis=1).T) == 10


def test_one_hot_labels_on_the_device_are_their_classes():
    X, y = samples()
    one_hot = on_device(np.eye(10, dtype=np.int64)[y])
    with pytest.warns(UserWarning, match="one-hot labels of 10 classes"):
        found = DiffusionSpectralMI(random_state=0).fit(on_device(X), one_hot)
    np.testing.assert_array_equal(found.labels_, y)
    assert found.score(on_device(X), one_hot) == found.mutual_info_


def test_many_vectors_are_clustered_by_k_means_on_the_device(monkeypatch):
    from skdse._measures import grouping

    # Beyond so many samples.
    monkeypatch.setattr(grouping, "SPECTRAL_MAX_SAMPLES", 50)
    rng = np.random.default_rng(0)
    labels = np.arange(200) % 4
    Y = 1e3 * np.eye(4)[labels] + rng.standard_normal((200, 4)) + 1e4
    X = rng.standard_normal((200, 3))
    dsmi = DiffusionSpectralMI(n_groups=4, random_state=0)
    dsmi.fit(on_device(X), on_device(Y))
    assert len(np.unique([dsmi.labels_, labels], axis=1).T) == 4
    # Others are of the clusters of the vectors next to them.
    again = dsmi._found.grouping.regroup(on_device(Y[:10] + 1))
    np.testing.assert_array_equal(again.groups[again.labels], dsmi.labels_[:10])
    again = dsmi._found.grouping.regroup(Y[:10] + 1)
    np.testing.assert_array_equal(again.groups[again.labels], dsmi.labels_[:10])


def test_k_means_of_fewer_distinct_vectors_than_clusters(monkeypatch):
    from skdse._measures.device_clusters import kmeans_labels

    Y = np.repeat([[0.0, 1.0], [5.0, 5.0]], 6, axis=0)
    labels = kmeans_labels(on_device(Y), 3, 0)
    assert labels[0] != labels[6]
    np.testing.assert_array_equal(labels, np.repeat(labels[[0, 6]], 6))


@pytest.mark.parametrize("place", [on_device, *TENSORS])
def test_transform_hands_on_what_it_gets(place):
    X, y = samples(np.float32)
    X, y = place(X), place(y)
    for one in (DiffusionSpectralEntropy(), ShannonEntropy()):
        assert one.fit(X).transform(X) is X
    assert DiffusionSpectralMI(random_state=0).fit(X, y).transform(X) is X


@pytest.mark.parametrize("place", [on_device, tensor_with_gradient])
def test_what_is_fitted_is_small_and_on_the_host(place):
    X, y = samples()
    dse = DiffusionSpectralEntropy().fit(place(X))
    assert type(dse.eigenvalues_) is np.ndarray and type(dse.bandwidth_) is float
    assert dse.n_features_in_ == 64
    assert list(dse.get_feature_names_out()[:2]) == ["x0", "x1"]
    assert len(pickle.dumps(dse)) < X.nbytes / 4
    again = pickle.loads(pickle.dumps(dse))
    assert again.score(place(X)) == dse.score(place(X)) == dse.entropy_
    shannon = ShannonEntropy().fit(place(X))
    assert type(shannon.data_min_) is type(shannon.data_max_) is np.ndarray
    dsmi = DiffusionSpectralMI(DiffusionSpectralEntropy(), random_state=0)
    dsmi.fit(place(X), place(y))
    assert type(dsmi.labels_) is type(dsmi.groups_) is np.ndarray
    assert len(pickle.dumps(dsmi)) < X.nbytes / 4


def test_a_tensor_keeps_its_gradient_and_its_values():
    X, _ = samples()
    Z = tensor_with_gradient(X)
    DiffusionSpectralEntropy().fit(Z)
    assert Z.requires_grad and Z.grad is None
    np.testing.assert_array_equal(to_host(Z), X)


@pytest.mark.parametrize("made", [tensor_with_gradient, bfloat16, float16])
@pytest.mark.parametrize("held", [list, tuple])
def test_tensors_in_a_list_are_one(made, held):
    X, y = samples(np.float32)
    one, values = made(X), made(y.astype(np.float32))
    dse = DiffusionSpectralEntropy()
    assert dse.fit(held(one)).entropy_ == dse.fit(one).entropy_
    dsmi = DiffusionSpectralMI(random_state=0)
    expected = dsmi.fit(X, y.astype(np.float32)).mutual_info_
    assert dsmi.fit(X, held(values)).mutual_info_ == expected
    with pytest.raises(ValueError, match="rows of X must have as many numbers each"):
        dse.fit(held([*one, one[0, :3]]))
    with pytest.raises(TypeError, match="X must be a dense tensor"):
        dse.fit(held([row.to_sparse() for row in one]))
    # Whole numbers were always read.
    whole = held(tensor(y[:, None]))
    assert dse.fit(whole).entropy_ == dse.fit(y[:, None]).entropy_


@pytest.mark.parametrize("container", ["pandas", "polars"])
def test_set_output_makes_frames_of_tensors(container):
    pytest.importorskip(container)
    X, _ = samples()
    dse = DiffusionSpectralEntropy().set_output(transform=container)
    frame = dse.fit(tensor(X)).transform(tensor(X))
    np.testing.assert_array_equal(np.asarray(frame), X)
    assert list(frame.columns)[:2] == ["x0", "x1"]


def test_other_samples_at_the_scale_of_those_on_the_host():
    X, _ = samples()
    for bandwidth in ("median", "adaptive"):
        dse = DiffusionSpectralEntropy(bandwidth=bandwidth).fit(X)
        expected, found = dse.score(X[:50]), dse.score(tensor(X[:50]))
        assert found == expected


def test_arrays_of_dask_are_computed():
    array = pytest.importorskip("dask.array")
    X, y = samples()
    dsmi = DiffusionSpectralMI(random_state=0)
    expected = dsmi.fit(X, y).mutual_info_
    assert dsmi.fit(*map(array.from_array, (X, y))).mutual_info_ == expected
