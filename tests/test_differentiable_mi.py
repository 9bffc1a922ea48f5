"""The mutual information of tensors: against the estimator, and by differences."""

import re
import sys

import numpy as np
import pytest
from numpy.testing import assert_allclose

from skdse import DiffusionSpectralEntropy, DiffusionSpectralMI
from skdse.differentiable import diffusion_spectral_mutual_info as mutual_info


def test_missing_torch_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "torch", None)
    with pytest.raises(ImportError, match=r"mutual_info needs PyTorch: pip install 's"):
        mutual_info(np.eye(3), [0, 1, 1])


torch = pytest.importorskip("torch")
gradcheck = torch.autograd.gradcheck

RULES = ("auto", "median", "knn", "adaptive")
KERNELS = (
    {"metric": "euclidean"},
    {"metric": "sqeuclidean"},
    {"affinity": "laplacian"},
)


def _value(X, y, **params):
    return mutual_info(torch.as_tensor(X), y, **params).item()


def _estimator(n_repeats=5, normalize=False, random_state=0, **params):
    dse = DiffusionSpectralEntropy(**params)
    return DiffusionSpectralMI(
        dse,
        target="discrete",
        n_repeats=n_repeats,
        normalize=normalize,
        random_state=random_state,
    )


# Values: same random state, same subsets


@pytest.mark.parametrize("kernel", KERNELS, ids=str)
@pytest.mark.parametrize("bandwidth", [*RULES, 1.5])
@pytest.mark.parametrize(("alpha", "t"), [(0.5, 1), (1, 2.5)])
def test_value_is_that_of_the_estimator(rng, kernel, bandwidth, alpha, t):
    params = {**kernel, "bandwidth": bandwidth, "alpha": alpha, "t": t}
    # Groups of 1 to 40 samples, and copies.
    y = np.repeat([3, 1, 7, 4, 9], [1, 2, 12, 12, 40])
    X = rng.normal(size=(67, 4)) + (y % 3)[:, None]
    X[20:26] = X[20]
    expected = _estimator(**params).fit(X, y).mutual_info_
    assert_allclose(_value(X, y, random_state=0, **params), expected, atol=1e-9)


def test_defaults_are_those_of_the_estimator(digits):
    X, y = digits[0].astype(float), digits[1]
    for params in ({}, {"normalize": True}, {"n_repeats": 2}):
        dsmi = DiffusionSpectralMI(random_state=3, **params).fit(X, y)
        found = _value(X, y, random_state=3, **params)
        assert_allclose(found, dsmi.mutual_info_, rtol=0, atol=1e-9)


def test_many_large_groups_alike_are_interpolated(rng):
    # Of four sizes from 300 on, three are measured, see `size_nodes`.
    y = np.repeat(np.arange(4), [300, 330, 360, 400])
    X = rng.normal(size=(len(y), 2)) + y[:, None]
    expected = _estimator(1, eigen_solver="dense").fit(X, y).mutual_info_
    found = _value(
        X, y, n_repeats=1, bandwidth="auto", metric="euclidean", random_state=0
    )
    assert_allclose(found, expected, rtol=0, atol=1e-9)


def test_labels_of_clusters_far_apart_are_one_bit():
    # A random subset of half the samples has two states but for its imbalance.
    y = np.repeat([0, 1], 200)
    X = np.where(y, 100.0, 0.0)[:, None] + np.zeros((400, 2))
    assert _value(X, y, bandwidth=1.0, random_state=0) == pytest.approx(1, abs=0.01)


def test_labels_of_any_kind_and_home(rng):
    X = rng.normal(size=(20, 3))
    y = np.arange(20) % 3
    expected = _value(X, y, random_state=0)
    for labels in (
        torch.tensor(y),
        y.astype(np.int8),
        list(y),
        np.array(["a", "b", "c"])[y],
        np.array(["a", "b", "c"], object)[y],
    ):
        assert _value(X, labels, random_state=0) == expected


def test_random_states(rng):
    X, y = rng.normal(size=(20, 3)), np.arange(20) % 3
    assert _value(X, y, random_state=1) == _value(X, y, random_state=1)
    assert _value(X, y, random_state=1) != _value(X, y, random_state=2)
    one = np.random.RandomState(1)
    first = _value(X, y, random_state=one)
    assert first == _value(X, y, random_state=1) != _value(X, y, random_state=one)


# Gradients


@pytest.mark.parametrize("kernel", KERNELS, ids=str)
@pytest.mark.parametrize("bandwidth", [*RULES, 1.5])
def test_gradient(rng, kernel, bandwidth):
    y = np.repeat([0, 1, 2], [5, 4, 2])
    Z = torch.tensor(rng.normal(size=(11, 2)), requires_grad=True)

    def information(Z):
        return mutual_info(
            Z,
            y,
            bandwidth=bandwidth,
            bandwidth_neighbors=3,
            n_repeats=2,
            random_state=0,
            normalize=bandwidth == "knn",
            **kernel,
        )

    assert gradcheck(information, (Z,))


def test_gradient_is_that_of_the_estimator(rng):
    # By differences of values that know nothing of tensors.
    X, y = rng.normal(size=(15, 2)), np.arange(15) % 3
    Z = torch.tensor(X, requires_grad=True)
    mutual_info(Z, y, random_state=0).backward()
    dsmi = DiffusionSpectralMI(random_state=0)
    numerical = np.zeros_like(X)
    for i in np.ndindex(X.shape):
        step = np.zeros_like(X)
        step[i] = 1e-5
        ends = [dsmi.fit(X + sign * step, y).mutual_info_ for sign in (1, -1)]
        numerical[i] = (ends[0] - ends[1]) / 2e-5
    assert_allclose(Z.grad, numerical, atol=1e-7)


@pytest.mark.parametrize("bandwidth", RULES)
def test_gradient_does_not_scale(rng, bandwidth):
    # The value is free of scale: its derivative along Z itself is 0.
    Z = torch.tensor(rng.normal(size=(30, 3)), requires_grad=True)
    y = np.arange(30) % 3
    mutual_info(Z, y, bandwidth=bandwidth, random_state=0).backward()
    assert abs((Z * Z.grad).sum()) < 1e-12
    assert Z.grad.abs().max() > 1e-3
    whole, Z.grad = Z.grad, None
    mutual_info(
        Z, y, bandwidth=bandwidth, bandwidth_gradient=False, random_state=0
    ).backward()
    assert (whole - Z.grad).abs().max() > 1e-4


def test_training_raises_what_labels_explain(rng):
    y = torch.arange(60) % 3
    layer = torch.nn.Linear(6, 2)
    layer.weight.data[:] = torch.tensor(rng.normal(size=(2, 6)))
    inputs = torch.tensor(rng.normal(size=(60, 6)), dtype=torch.float32)
    inputs[:, 0] += 3 * y
    optimizer = torch.optim.Adam(layer.parameters(), lr=0.05)
    before = mutual_info(layer(inputs), y, random_state=0).item()
    for _ in range(25):
        optimizer.zero_grad()
        (-mutual_info(layer(inputs), y, random_state=rng.integers(99))).backward()
        optimizer.step()
    assert mutual_info(layer(inputs), y, random_state=0).item() > before + 0.1


# Batches that have little to tell


def test_a_single_group_explains_nothing(rng):
    Z = torch.tensor(rng.normal(size=(8, 2)), requires_grad=True)
    with pytest.warns(UserWarning, match="y has a single group"):
        value = mutual_info(Z, torch.ones(8).int())
    value.backward()
    assert value == 0
    assert not Z.grad.any()


@pytest.mark.filterwarnings("ignore:Most groups have so few samples")
def test_groups_of_one_sample_explain_nothing(rng):
    Z = torch.tensor(rng.normal(size=(8, 2)), requires_grad=True)
    value = mutual_info(Z, np.arange(8))
    value.backward()
    assert value == 0
    assert not Z.grad.any()


def test_few_samples_are_told_of(rng):
    with pytest.warns(UserWarning, match="Most groups have so few samples"):
        mutual_info(torch.tensor(rng.normal(size=(8, 2))), np.arange(8))


@pytest.mark.parametrize("normalize", [False, True])
def test_identical_samples_have_no_gradient(normalize):
    Z = torch.ones(8, 2, requires_grad=True)
    value = mutual_info(Z, np.arange(8) % 2, normalize=normalize)
    value.backward()
    assert value == 0
    assert not Z.grad.any()


@pytest.mark.parametrize("kernel", KERNELS, ids=str)
@pytest.mark.parametrize("bandwidth", RULES)
def test_groups_of_identical_samples(rng, kernel, bandwidth):
    y = np.repeat([0, 1, 2], 6)
    X = rng.normal(size=(3, 2))[y]
    Z = torch.tensor(X, requires_grad=True)
    value = mutual_info(Z, y, bandwidth=bandwidth, random_state=0, **kernel)
    value.backward()
    expected = _estimator(bandwidth=bandwidth, **kernel).fit(X, y).mutual_info_
    assert_allclose(value.item(), expected, rtol=0, atol=1e-9)
    assert Z.grad.isfinite().all()


def test_identical_samples_are_no_reason_to_warn():
    # Most groups and subsets are one point; that says nothing of the bandwidth. The
    # estimator does not warn either (warnings are errors here).
    y, X = np.arange(40) % 4, np.zeros((40, 2))
    X[0] = 100
    expected = _estimator(bandwidth=1.0).fit(X, y).mutual_info_
    found = _value(X, y, bandwidth=1.0, metric="euclidean", random_state=0)
    assert_allclose(found, expected, rtol=0, atol=1e-12)


def test_saturation_is_told(rng):
    X, y = torch.tensor(rng.normal(size=(40, 2))), np.arange(40) % 2
    with pytest.warns(UserWarning, match="Every sample sees only itself"):
        mutual_info(X, y, bandwidth=1e-3)
    with pytest.warns(UserWarning, match="Every sample sees all others alike"):
        mutual_info(X, y, bandwidth=1e3)


# Precision


@pytest.mark.parametrize(
    ("dtype", "given", "atol"),
    [
        (torch.float32, torch.float32, 1e-4),
        (torch.float16, torch.float32, 1e-2),
        (torch.bfloat16, torch.float32, 1e-1),
    ],
)
def test_precision(rng, dtype, given, atol):
    Z = torch.tensor(rng.normal(size=(60, 5)), requires_grad=True)
    y = np.arange(60) % 3
    value = mutual_info(Z.to(dtype), y, random_state=0)
    assert value.dtype == given
    assert_allclose(value.item(), _value(Z.detach(), y, random_state=0), atol=atol)
    value.backward()
    assert Z.grad.isfinite().all()
    assert Z.grad.abs().max() > 0


def test_autocast_costs_no_digits(rng):
    Z, y = torch.tensor(rng.normal(size=(40, 5))).float(), np.arange(40) % 3
    expected = mutual_info(Z, y, random_state=0)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert mutual_info(Z, y, random_state=0) == expected


# What is refused


@pytest.mark.parametrize(
    ("y", "error", "message"),
    [
        ([0, 1], ValueError, "y must have a label for each sample of Z, shape (4,); "),
        (np.zeros((4, 2), int), ValueError, "got shape (4, 2)."),
        (torch.ones(4), TypeError, "y must hold labels, not values; got float32."),
        ([0.5, 1, 2, 3], TypeError, "y must hold labels, not values; got float64."),
        (torch.ones(4, device="meta").int(), TypeError, "y must hold numbers; got a t"),
        (np.array([0, None, 1, 1]), ValueError, "y contains None"),
    ],
)
def test_bad_labels(y, error, message):
    with pytest.raises(error, match=re.escape(message)):
        mutual_info(torch.eye(4), y)


@pytest.mark.parametrize(
    ("Z", "error", "message"),
    [
        (np.eye(4), TypeError, "Z must be a torch.Tensor of floats; got ndarray."),
        (torch.eye(4).int(), TypeError, "Z must be a torch.Tensor of floats; got "),
        (torch.eye(4, device="meta"), TypeError, "Z must hold numbers; got a tensor"),
        (torch.eye(4).to_sparse(), TypeError, "Z must be a dense tensor; got one"),
        (torch.eye(4) / 0, ValueError, "Z must be finite; it contains NaN or "),
    ],
)
def test_bad_samples(Z, error, message):
    with pytest.raises(error, match=re.escape(message)):
        mutual_info(Z, [0, 0, 1, 1])


@pytest.mark.parametrize(
    "params",
    [
        {"affinity": "nearest_neighbors"},
        {"bandwidth": "reduced"},
        {"bandwidth_scale": -1.0},
        {"bandwidth_neighbors": 0},
        {"bandwidth_gradient": "yes"},
        {"metric": "cosine"},
        {"alpha": 2},
        {"t": 0},
        {"n_repeats": 0},
        {"normalize": 1.0},
    ],
)
def test_bad_parameters(params):
    (name,) = params
    with pytest.raises((TypeError, ValueError), match=f"^{name}"):
        mutual_info(torch.eye(4), [0, 0, 1, 1], **params)
