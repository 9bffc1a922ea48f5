"""The entropy of tensors: against the estimator, and its gradient by differences."""

import re
import sys

import numpy as np
import pytest
from numpy.testing import assert_allclose

import skdse
from skdse import DiffusionSpectralEntropy
from skdse.differentiable import torch_diffusion_spectral_entropy


def test_missing_torch_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "torch", None)
    with pytest.raises(ImportError, match=re.escape("pip install 'skdse[torch]'")):
        torch_diffusion_spectral_entropy(np.eye(3))


torch = pytest.importorskip("torch")
gradcheck = torch.autograd.gradcheck

# torch imports sympy for its first optimizer, and sympy adds to the warning filters:
# here, where pytest puts them back, and not in a test.
torch.optim.SGD([torch.zeros(1)])

RULES = ("auto", "median", "knn", "adaptive")
BANDWIDTHS = (*RULES, 1.5)


def _samples(rng, n=12, d=3, **options):
    return torch.tensor(rng.normal(size=(n, d)), requires_grad=True, **options)


def _value(X, **params):
    return torch_diffusion_spectral_entropy(torch.as_tensor(X), **params).item()


# Values


@pytest.mark.parametrize("bandwidth", BANDWIDTHS)
@pytest.mark.parametrize(("alpha", "t"), [(0, 1), (0.5, 1), (1, 2), (0.5, 0.5)])
def test_value_is_that_of_the_estimator(rng, bandwidth, alpha, t):
    samples = rng.normal(size=(61, 5))  # 1830 pairs, of the first 59 it is 1711
    for X in (samples, samples[:59], np.repeat(samples[:20], 3, axis=0)):
        params = {"bandwidth": bandwidth, "alpha": alpha, "t": t}
        expected = DiffusionSpectralEntropy(**params).fit(X).entropy_
        assert_allclose(_value(X, **params), expected, rtol=0, atol=1e-9)


@pytest.mark.parametrize("neighbors", [1, 3, 100])
@pytest.mark.parametrize("bandwidth", ["knn", "adaptive"])
def test_value_with_other_scales(rng, bandwidth, neighbors):
    params = {
        "bandwidth": bandwidth,
        "bandwidth_neighbors": neighbors,
        "bandwidth_scale": 0.7,
        "normalize": True,
    }
    for X in (rng.normal(size=(30, 4)), np.repeat(rng.normal(size=(4, 2)), 6, axis=0)):
        expected = DiffusionSpectralEntropy(**params).fit(X).entropy_
        assert_allclose(_value(X, **params), expected, rtol=0, atol=1e-9)


def test_value_on_digits(digits):
    X = digits[0].astype(float)
    expected = DiffusionSpectralEntropy().fit(X).entropy_
    assert_allclose(_value(X), expected, rtol=0, atol=1e-6)


def test_known_values():
    far = np.repeat([[0.0], [100.0], [200.0]], 4, axis=0)
    assert_allclose(_value(far, bandwidth=1.0), np.log2(3), atol=1e-12)
    assert _value(np.ones((5, 2))) == 0
    assert _value(np.ones((1, 2)), normalize=True) == 0


@pytest.mark.parametrize(
    ("dtype", "given", "atol"),
    [
        (torch.float64, torch.float64, 1e-9),
        (torch.float32, torch.float32, 1e-4),
        (torch.float16, torch.float32, 1e-2),
        (torch.bfloat16, torch.float32, 1e-1),
    ],
)
def test_precision(rng, dtype, given, atol):
    Z = _samples(rng, 100, 10)
    entropy = torch_diffusion_spectral_entropy(Z.to(dtype))
    assert entropy.dtype == given
    assert_allclose(entropy.item(), _value(Z.detach()), rtol=0, atol=atol)
    entropy.backward()
    assert Z.grad.isfinite().all()
    assert Z.grad.abs().max() > 0


def test_autocast_costs_no_digits(rng):
    Z = _samples(rng, 50, 5).detach().float()
    expected = torch_diffusion_spectral_entropy(Z)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert torch_diffusion_spectral_entropy(Z) == expected


# Gradients


@pytest.mark.parametrize("bandwidth", BANDWIDTHS)
@pytest.mark.parametrize(("alpha", "t"), [(0.5, 1), (0, 2), (1, 3.5)])
def test_gradient(rng, bandwidth, alpha, t):
    def entropy(Z):
        return torch_diffusion_spectral_entropy(
            Z,
            bandwidth=bandwidth,
            bandwidth_neighbors=3,
            alpha=alpha,
            t=t,
            normalize=t == 2,
        )

    assert gradcheck(entropy, (_samples(rng),))


@pytest.mark.parametrize("bandwidth", RULES)
def test_gradient_with_a_constant_bandwidth(rng, bandwidth):
    Z = _samples(rng)
    fitted = DiffusionSpectralEntropy(bandwidth=bandwidth).fit(Z.detach().numpy())
    torch_diffusion_spectral_entropy(
        Z, bandwidth=bandwidth, bandwidth_gradient=False
    ).backward()

    def entropy(Z):  # at a bandwidth that was found before
        sigma = torch.as_tensor(fitted.bandwidth_).reshape(-1, 1)
        D = torch.cdist(Z, Z, compute_mode="donot_use_mm_for_euclid_dist")
        squares = sigma**2 + sigma.T**2  # the Gaussian of Gibbs, p = 8
        G = torch.exp(-(D**2) / squares) * (2 * sigma * sigma.T / squares) ** 4
        q = G.sum(dim=1) ** -0.5
        P = q[:, None] * G * q
        P = P / P.sum(dim=1, keepdim=True)
        p = torch.linalg.eigvals(P).real
        p = p / p.sum()
        return -(p * p.log2()).sum()

    numerical = torch.zeros_like(Z)
    with torch.no_grad():
        for i in range(Z.numel()):
            step = torch.zeros(Z.numel(), dtype=Z.dtype)
            step[i] = 1e-5
            step = step.reshape(Z.shape)
            numerical.view(-1)[i] = (entropy(Z + step) - entropy(Z - step)) / 2e-5
    assert_allclose(Z.grad, numerical, atol=1e-6)


@pytest.mark.parametrize("bandwidth", RULES)
def test_gradient_does_not_scale(rng, bandwidth):
    # The value is free of scale: its derivative along Z itself is 0.
    Z = _samples(rng, 40)
    torch_diffusion_spectral_entropy(Z, bandwidth=bandwidth).backward()
    assert abs((Z * Z.grad).sum()) < 1e-12
    Z.grad = None
    torch_diffusion_spectral_entropy(
        Z, bandwidth=bandwidth, bandwidth_gradient=False
    ).backward()
    assert (Z * Z.grad).sum() > 0.1


@pytest.mark.parametrize("bandwidth", [0.2, 2.0])
def test_gradient_with_equal_eigenvalues(rng, bandwidth):
    # Clusters of three identical samples: eight eigenvalues are 0, and far clusters
    # have equal ones. Differences see the second order, hence the tolerance.
    Z = torch.tensor(np.repeat(rng.normal(size=(4, 3)), 3, axis=0), requires_grad=True)

    def entropy(Z):
        return torch_diffusion_spectral_entropy(Z, bandwidth=bandwidth)

    assert gradcheck(entropy, (Z,), eps=1e-7, atol=1e-4)


def test_duplicates_move_together(rng):
    Z = torch.tensor(np.repeat(rng.normal(size=(4, 3)), 3, axis=0), requires_grad=True)
    torch_diffusion_spectral_entropy(Z, bandwidth=1.0).backward()
    grad = Z.grad.reshape(4, 3, 3)
    assert_allclose(grad, grad[:, :1].expand(4, 3, 3), atol=1e-12)
    assert grad.abs().max() > 1e-3


def test_gradient_of_equal_simplex_vertices():
    # All eigenvalues but the first are equal; by symmetry all vertices move outwards.
    Z = torch.eye(5, dtype=torch.float64, requires_grad=True)
    torch_diffusion_spectral_entropy(Z, bandwidth=1.0).backward()
    outwards = torch.eye(5) - 0.2
    scale = Z.grad[0, 0] / outwards[0, 0]
    assert scale > 0
    assert_allclose(Z.grad, scale * outwards, atol=1e-12)


@pytest.mark.parametrize("shape", [(6, 2), (1, 3)])
def test_gradient_without_any_difference_is_zero(shape):
    Z = torch.ones(shape, requires_grad=True)
    torch_diffusion_spectral_entropy(Z).backward()
    assert not Z.grad.any()


@pytest.mark.parametrize("sign", [1, -1])
def test_training_raises_and_lowers_the_entropy(rng, sign):
    Z = _samples(rng, 40, 5)
    optimizer = torch.optim.Adam([Z], lr=0.05)
    before = _value(Z.detach())
    for _ in range(20):
        optimizer.zero_grad()
        (-sign * torch_diffusion_spectral_entropy(Z)).backward()
        optimizer.step()
    assert sign * (_value(Z.detach()) - before) > 0.1


def test_gradient_reaches_a_network(rng):
    layer = torch.nn.Linear(4, 3)
    X = torch.tensor(rng.normal(size=(20, 4)), dtype=torch.float32)
    torch_diffusion_spectral_entropy(layer(X)).backward()
    assert layer.weight.grad.abs().max() > 1e-3
    assert_allclose(layer.bias.grad, 0, atol=1e-6)  # translations change nothing


# What is refused, what is said


@pytest.mark.parametrize(
    ("Z", "error", "message"),
    [
        (np.eye(3), TypeError, "Z must be a torch.Tensor of floats; got ndarray."),
        (torch.ones(3, 2).int(), TypeError, "Z must be a torch.Tensor of floats; got "),
        (torch.ones(3), ValueError, "Z must have shape (n_samples, n_features), none"),
        (torch.ones(0, 3), ValueError, "none of them 0; got (0, 3)."),
        (torch.ones(2, 2) / 0, ValueError, "Z must be finite; it contains NaN or "),
    ],
)
def test_bad_samples(Z, error, message):
    with pytest.raises(error, match=re.escape(message)):
        torch_diffusion_spectral_entropy(Z)


@pytest.mark.parametrize(
    "params",
    [
        {"bandwidth": "mean"},
        {"bandwidth": 0.0},
        {"bandwidth_scale": -1.0},
        {"bandwidth_neighbors": 0},
        {"bandwidth_gradient": "yes"},
        {"alpha": 2},
        {"t": 0},
        {"t": "auto"},
        {"normalize": 1.0},
    ],
)
def test_bad_parameters(params):
    (name,) = params
    with pytest.raises((TypeError, ValueError), match=f"^{name}"):
        torch_diffusion_spectral_entropy(torch.eye(3), **params)


def test_saturation_is_told(rng):
    Z = _samples(rng, 10)
    with pytest.warns(UserWarning, match="Every sample sees only itself"):
        torch_diffusion_spectral_entropy(Z, bandwidth=1e-3)
    with pytest.warns(UserWarning, match="Every sample sees all others alike"):
        torch_diffusion_spectral_entropy(Z, bandwidth=1e3)


def test_reduced_distances_are_not_for_gradients():
    with pytest.raises(ValueError, match="bandwidth='reduced' is not differentiable"):
        torch_diffusion_spectral_entropy(torch.ones(4, 2), bandwidth="reduced")


@pytest.mark.parametrize("t", [50.0, 1e3, 1e17, 1e300])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_long_times_end_at_the_number_of_far_clusters(rng, t, dtype):
    X = rng.normal(size=(40, 3)) + 1e3 * (np.arange(40) % 4)[:, None]
    Z = torch.tensor(X, dtype=dtype, requires_grad=True)
    value = torch_diffusion_spectral_entropy(Z, bandwidth=3.0, t=t)
    assert value.item() == pytest.approx(2, abs=1e-3)
    value.backward()
    assert torch.isfinite(Z.grad).all()


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_the_functions_of_skdse_give_a_gradient_where_one_is_asked_for(dtype):
    Z = torch.randn(40, 3, dtype=dtype, generator=torch.Generator().manual_seed(0))
    y = torch.arange(40) % 2
    value = skdse.diffusion_spectral_entropy(Z)
    shared = skdse.diffusion_spectral_mutual_info(Z, y, random_state=0)
    assert isinstance(value, float)
    assert isinstance(shared, float)
    Z.requires_grad_()
    entropy = skdse.diffusion_spectral_entropy(Z)
    mutual_info = skdse.diffusion_spectral_mutual_info(Z, y, random_state=0)
    assert entropy.item() == pytest.approx(value, abs=1e-4)
    assert mutual_info.item() == pytest.approx(shared, abs=1e-4)
    (entropy + mutual_info).backward()
    assert Z.grad.abs().sum() > 0


def test_parameters_that_have_no_gradient_are_refused():
    Z = torch.zeros(4, 2, requires_grad=True)
    with pytest.raises(TypeError, match=r"eigen_solver='lanczos'.*X\.detach"):
        skdse.diffusion_spectral_entropy(Z, eigen_solver="lanczos")
    with pytest.raises(TypeError, match=r"target='auto'.*X\.detach"):
        skdse.diffusion_spectral_mutual_info(Z, [0, 0, 1, 1], target="auto")
