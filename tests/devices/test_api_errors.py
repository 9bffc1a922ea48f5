"""What cannot be measured is refused before any work, with the way out."""

import array_api_strict
import numpy as np
import pytest
from places import on_device

from skdse import (
    AdjacencySpectralEntropy,
    DiffusionSpectralEntropy,
    DiffusionSpectralMI,
    MatrixEntryEntropy,
    ShannonEntropy,
    diffusion_spectral_entropy,
    mutual_info_confidence_interval,
    mutual_info_permutation_test,
)
from skdse._tools.intake import check_same_device
from skdse.model_selection import representation_scorer, select_representation
from skdse.probing import layer_activations

LABELS = np.arange(20) % 2


def numbers(dtype=np.float64):
    """Samples in three dimensions."""
    return np.random.default_rng(0).normal(size=(20, 3)).astype(dtype)


def torch_of(change):
    """Function that makes a tensor, changed."""

    def make():
        torch = pytest.importorskip("torch")
        return change(torch, torch.tensor(numbers()))

    return make


def device_of(change):
    """Function that makes an array on a device, changed before it gets there."""
    return lambda: on_device(change(numbers()))


def with_nan(X):
    """X with a value that is missing."""
    X = X.copy() if isinstance(X, np.ndarray) else X.clone()
    X[3, 1] = np.nan
    return X


@pytest.fixture(autouse=True)
def no_work(monkeypatch):
    """Fail where anything is measured."""
    from skdse._measures import baseline_meters
    from skdse._spectra import spectral_meter

    def work(self, *args, **kwargs):
        raise AssertionError("samples were measured")

    for meter in ("ShannonMeter", "MatrixEntryMeter", "AdjacencyMeter"):
        monkeypatch.setattr(getattr(baseline_meters, meter), "fit", work)
    monkeypatch.setattr(spectral_meter.SpectralMeter, "fit", work)
    monkeypatch.setattr(spectral_meter.SpectralMeter, "fit_spectrum", work)


def quantised(torch, X):
    """Tensor of whole numbers of 8 bits and a scale."""
    return torch.quantize_per_tensor(X.float(), 0.1, 0, torch.qint8)


BAD = {
    "meta": (torch_of(lambda torch, X: X.to("meta")), TypeError, "device 'meta'"),
    "coo": (torch_of(lambda torch, X: X.to_sparse()), TypeError, r"X\.to_dense\(\)"),
    "csr": (torch_of(lambda torch, X: X.to_sparse_csr()), TypeError, "to_dense"),
    "int": (torch_of(lambda torch, X: X.long()), TypeError, r"int64\. Pass X\.float"),
    "bool": (torch_of(lambda torch, X: X > 0), TypeError, r"bool\. Pass X\.float"),
    "complex": (torch_of(lambda torch, X: X + 1j), TypeError, "real numbers.*modulus"),
    "quantised": (
        torch_of(lambda torch, X: quantised(torch, X)),
        TypeError,
        "qint8.*dequantized",
    ),
    "nan": (torch_of(lambda torch, X: with_nan(X)), ValueError, "contains NaN"),
    "bfloat16 nan": (
        torch_of(lambda torch, X: with_nan(X).bfloat16()),
        ValueError,
        "contains NaN",
    ),
    "float16 overflows": (
        torch_of(lambda torch, X: (1e6 * X.abs()).half()),
        ValueError,
        "infinity",
    ),
    "1d": (torch_of(lambda torch, X: X[0]), ValueError, "Expected 2D array"),
    "3d": (torch_of(lambda torch, X: X[None]), ValueError, "dim 3"),
    "empty": (torch_of(lambda torch, X: X[:0]), ValueError, "0 sample"),
    "int there": (device_of(lambda X: X.astype(int)), TypeError, "int64.*float32"),
    "bool there": (device_of(lambda X: X > 0), TypeError, "bool.*float32"),
    "complex there": (device_of(lambda X: X + 1j), TypeError, "complex128"),
    "nan there": (device_of(with_nan), ValueError, "X contains NaN or inf"),
    "infinity there": (device_of(lambda X: X / 0), ValueError, "X contains NaN or"),
    "0d there": (device_of(lambda X: X[0, 0]), ValueError, "n_features"),
    "1d there": (device_of(lambda X: X[0]), ValueError, r"n_features.*got \(3,\)"),
    "3d there": (device_of(lambda X: X[None]), ValueError, r"got \(1, 20, 3\)"),
    "empty there": (device_of(lambda X: X[:0]), ValueError, r"got \(0, 3\)"),
}
CALLS = {
    "dse": lambda X: DiffusionSpectralEntropy().fit(X),
    "shannon": lambda X: ShannonEntropy().fit(X),
    "matrix entries": lambda X: MatrixEntryEntropy().fit(X),
    "adjacency": lambda X: AdjacencySpectralEntropy().fit(X),
    "dsmi": lambda X: DiffusionSpectralMI().fit(X, np.resize(LABELS, _length(X))),
    "entropy": lambda X: diffusion_spectral_entropy(X),
    "permutation test": lambda X: mutual_info_permutation_test(
        X, np.resize(LABELS, _length(X))
    ),
    "interval": lambda X: mutual_info_confidence_interval(
        X, np.resize(LABELS, _length(X))
    ),
}


def _length(X):
    """As many labels as samples, at least one."""
    return X.shape[0] if X.ndim else 1


@pytest.mark.filterwarnings("ignore:(Sparse|torch.quantize):UserWarning")
@pytest.mark.filterwarnings("ignore:divide by zero:RuntimeWarning")
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize("bad", BAD)
def test_bad_samples(bad, call):
    make, error, message = BAD[bad]
    with pytest.raises(error, match=f"(?s){message}"):
        CALLS[call](make())


BAD_TARGETS = {
    "meta": (torch_of(lambda torch, X: X[:, 0].to("meta")), TypeError, "y must hold"),
    "sparse": (
        torch_of(lambda torch, X: X[:, 0].to_sparse()),
        TypeError,
        r"y\.to_dense",
    ),
    "complex": (torch_of(lambda torch, X: X[:, 0] + 1j), TypeError, "y must be a t"),
    "nan": (torch_of(lambda torch, X: with_nan(X)[:, 1]), ValueError, "y contains NaN"),
    "short": (torch_of(lambda torch, X: X[:9, 0]), ValueError, r"\[20, 9\]"),
    "complex there": (
        device_of(lambda X: X[:, 0] + 1j),
        ValueError,
        "y must be real; got complex128.*modulus",
    ),
    "nan there": (
        device_of(lambda X: with_nan(X)[:, 1]),
        ValueError,
        "y contains NaN",
    ),
    "vectors with nan": (device_of(with_nan), ValueError, "y contains NaN or inf"),
    "complex vectors": (device_of(lambda X: X + 1j), TypeError, "y must be an array"),
    "short there": (device_of(lambda X: X[:9, 0]), ValueError, r"\[20, 9\]"),
}


@pytest.mark.parametrize("bad", BAD_TARGETS)
def test_bad_targets(bad):
    make, error, message = BAD_TARGETS[bad]
    y = make()
    X = on_device(numbers()) if isinstance(y, type(on_device(LABELS))) else numbers()
    for call in (DiffusionSpectralMI().fit, mutual_info_permutation_test):
        with pytest.raises(error, match=f"(?s){message}"):
            call(X, y)


@pytest.mark.parametrize(
    "params, message",
    [
        ({"target": "discrete"}, "target='continuous'.*y.cpu"),
        ({"clusterer": "quantile"}, "bins a y of shape"),
        ({"n_groups": 21}, "n_groups=21 and n_samples=20"),
    ],
)
def test_vectors_on_a_device_are_clustered_there_or_refused(params, message):
    X = on_device(numbers())
    with pytest.raises(ValueError, match=message):
        DiffusionSpectralMI(**params).fit(X, X)


def test_a_clusterer_of_the_host_does_not_get_vectors_of_a_device():
    from sklearn.cluster import KMeans

    X = on_device(numbers())
    with pytest.raises(ValueError, match=r"clusterer=KMeans.*y\.cpu"):
        DiffusionSpectralMI(clusterer=KMeans(2)).fit(X, X)


def test_vectors_on_a_device_have_no_groups_fitted_on_the_host():
    from skdse._measures.grouping import group_target

    for y in (LABELS, numbers()[:, 0], numbers()):
        grouping = group_target(y, n_groups=2, random_state=0)
        with pytest.raises(ValueError, match=r"lies on a device.*y\.cpu"):
            grouping.regroup(on_device(numbers()))


def test_samples_and_targets_on_one_device():
    X, y = numbers(), LABELS
    other = on_device(y, "device2")
    for here in (y, y.tolist(), array_api_strict.asarray(y), None):
        check_same_device(X, here)
        check_same_device(on_device(X), here)
    check_same_device(on_device(X), on_device(y))
    for one, another in ((X, on_device(y)), (on_device(X), other)):
        for call in (
            check_same_device,
            DiffusionSpectralMI().fit,
            mutual_info_permutation_test,
            mutual_info_confidence_interval,
        ):
            with pytest.raises(ValueError, match=r"same device.*got .*device.*\.to\("):
                call(one, another)


@pytest.mark.parametrize("place", ["torch", "device"])
@pytest.mark.parametrize(
    "change, error, message",
    [
        (with_nan, ValueError, "NaN"),
        (lambda X: X[:9], ValueError, r"n_samples=20; got shape \(9, 3\)"),
        (lambda X: X[None], ValueError, r"n_samples=20; got shape \(1, 20, 3\)"),
    ],
)
def test_bad_representations(change, error, message, place):
    Z = change(numbers())
    Z = pytest.importorskip("torch").tensor(Z) if place == "torch" else on_device(Z)
    scorer = representation_scorer("dse", representation=lambda estimator, X: Z)
    with pytest.raises(error, match=rf"(?s){message}"):
        scorer(None, numbers())
    with pytest.raises(error, match=rf"(?s){message}"):
        select_representation({"bad": Z}, numbers(), LABELS)


def test_inputs_that_cannot_be_grouped():
    for X in (with_nan(numbers()), numbers() + 1j):
        scorer = representation_scorer(
            "dsmi_input", representation=lambda estimator, X: numbers()
        )
        with pytest.raises(ValueError, match=r"needs an X of finite numbers"):
            scorer(None, on_device(X))


def test_whether_to_keep_activations_there_is_a_bool(digits):
    from sklearn.neural_network import MLPClassifier

    mlp = MLPClassifier(2, solver="lbfgs", max_iter=1)
    with pytest.raises(TypeError, match="keep_on_device must be"):
        layer_activations(mlp, digits[0], keep_on_device="yes")
