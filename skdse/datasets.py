"""Data whose structure is known: trees, manifolds, corrupted labels.

The noise is the paper's: ``noise * U(-1, 1)`` is added to every coordinate. It is drawn
last, so that the same seed gives the same data at every level of noise.
"""

from numbers import Real

import numpy as np
from numpy.typing import ArrayLike
from sklearn.utils import check_random_state, check_scalar, column_or_1d

from ._tools.hints import Seed
from ._tools.validation import check_count, check_flag, check_option, check_share

__all__ = ["corrupt_labels", "make_manifold", "make_tree"]


def make_tree(
    n_samples: int = 500,
    n_branches: int = 5,
    *,
    n_features: int = 20,
    noise: float = 0.0,
    random_state: Seed = None,
) -> tuple[np.ndarray, np.ndarray]:
    """Make a tree of diffusion-limited branches.

    A branch is a random walk whose steps are uniform in ``[-1, 1]`` in each
    coordinate. The first branch starts at the origin, every other branch at a random
    sample of the branches before it.

    Parameters
    ----------
    n_samples : int, default=500
        Number of samples, at least `n_branches`, divided as evenly as possible among
        the branches. More samples make longer branches.
    n_branches : int, default=5
        Number of branches. More branches are shorter.
    n_features : int, default=20
        Number of coordinates of a sample.
    noise : float, default=0.0
        Largest size of the uniform noise that is added to every coordinate, drawn from
        ``[-noise, noise]``. A step of the walk is drawn from ``[-1, 1]``.
    random_state : int, RandomState instance or None, default=None
        Seed of the walks and of the noise.

    Returns
    -------
    X : ndarray of shape (n_samples, n_features)
        Samples, branch by branch, in the order of the walk.
    y : ndarray of shape (n_samples,)
        Branch of each sample, from 0 to ``n_branches - 1``.

    Raises
    ------
    ValueError
        If a number is out of its range.

    See Also
    --------
    make_manifold : Data of known intrinsic dimension.
    corrupt_labels : Labels that say less about the samples.

    References
    ----------
    .. [1] Moon et al., "Visualizing structure and transitions in high-dimensional
       biological data", Nature Biotechnology 37, 2019: trees of this kind.
    .. [2] Liao et al., arXiv:2312.04823, Section 4: DSE and DSMI of such trees.

    Examples
    --------
    How many bits of the entropy of a tree do its five branches explain?

    >>> from skdse import DiffusionSpectralMI
    >>> from skdse.datasets import make_tree
    >>> X, y = make_tree(500, 5, noise=0.1, random_state=0)
    >>> X.shape
    (500, 20)
    >>> dsmi = DiffusionSpectralMI(random_state=0).fit(X, y)
    >>> print(f"{dsmi.mutual_info_:.1f} of {dsmi.entropy_:.1f} bits")
    1.1 of 6.1 bits
    """
    check_count(n_branches, "n_branches")
    check_count(n_samples, "n_samples", minimum=n_branches)
    check_count(n_features, "n_features")
    _check_noise(noise)
    rng = check_random_state(random_state)
    y = np.sort(np.arange(n_samples) % n_branches)
    X = np.zeros((n_samples, n_features))
    stop = 0
    for length in np.bincount(y):
        root = X[rng.randint(stop)] if stop else np.zeros(n_features)
        steps = rng.uniform(-1, 1, size=(length, n_features))
        X[stop : stop + length] = root + np.cumsum(steps, axis=0)
        stop += length
    return _add_noise(X, noise, rng), y


def make_manifold(
    kind: str = "swiss_roll",
    n_samples: int = 500,
    *,
    intrinsic_dim: int = 2,
    n_features: int | None = None,
    rotate: bool = False,
    noise: float = 0.0,
    random_state: Seed = None,
) -> np.ndarray:
    """Make samples of a manifold of known intrinsic dimension.

    Parameters
    ----------
    kind : {"normal", "sphere", "swiss_roll", "torus", "uniform"}, default="swiss_roll"
        Shape of the manifold, where d is its intrinsic dimension. "uniform" fills the
        cube ``[-1, 1]**d``, and "normal" is a standard normal; both have d coordinates,
        as in the paper [1]_. "sphere" is the unit sphere in ``d + 1`` coordinates.
        "torus" is the product of d unit circles, in ``2 * d`` coordinates. "swiss_roll"
        is the product of a spiral of radius 1/3 to 1 and the cube ``[-1, 1]**(d - 1)``,
        in ``d + 1`` coordinates. All but the normal are sampled uniformly; the spiral
        is uniform in its angle.
    n_samples : int, default=500
        Number of samples.
    intrinsic_dim : int, default=2
        Dimension d of the manifold.
    n_features : int, default=None
        Number of coordinates of a sample. The manifold is in the first coordinates,
        and the others are 0. None is as many as the manifold needs.
    rotate : bool, default=False
        Whether to turn the data by a random rotation or reflection, so that the
        manifold is spread over all coordinates.
    noise : float, default=0.0
        Largest size of the uniform noise that is added to every coordinate, drawn from
        ``[-noise, noise]``.
    random_state : int, RandomState instance or None, default=None
        Seed of the samples, the rotation and the noise.

    Returns
    -------
    X : ndarray of shape (n_samples, n_features)
        Samples.

    Raises
    ------
    ValueError
        If a parameter is out of its range, or `n_features` is smaller than the
        manifold needs.

    See Also
    --------
    make_tree : A tree with labelled branches.
    sklearn.datasets.make_swiss_roll : The roll of two dimensions, with its angle.

    References
    ----------
    .. [1] Liao et al., arXiv:2312.04823, Section 4.

    Examples
    --------
    A sphere of a higher dimension has more diffusion states:

    >>> from skdse import diffusion_spectral_entropy
    >>> from skdse.datasets import make_manifold
    >>> for d in (1, 2, 4):
    ...     X = make_manifold("sphere", 300, intrinsic_dim=d, random_state=0)
    ...     print(f"{diffusion_spectral_entropy(X):.1f} bits")
    2.5 bits
    3.5 bits
    4.8 bits
    """
    check_option(kind, "kind", _MANIFOLDS)
    check_count(n_samples, "n_samples")
    check_count(intrinsic_dim, "intrinsic_dim")
    check_flag(rotate, "rotate")
    _check_noise(noise)
    rng = check_random_state(random_state)
    manifold = _MANIFOLDS[kind](n_samples, intrinsic_dim, rng)
    if n_features is None:
        n_features = manifold.shape[1]
    check_count(n_features, "n_features", minimum=manifold.shape[1])
    X = np.zeros((n_samples, n_features))
    X[:, : manifold.shape[1]] = manifold
    if rotate:
        X = manifold @ _orthonormal_rows(manifold.shape[1], n_features, rng)
    return _add_noise(X, noise, rng)


def corrupt_labels(
    y: ArrayLike, ratio: float, *, random_state: Seed = None
) -> np.ndarray:
    """Permute a share of the labels among themselves.

    The classes keep their sizes. With a ratio of 1, the labels say nothing about the
    samples. By chance, some of the permuted labels are still right.

    Parameters
    ----------
    y : array-like of shape (n_samples,)
        Labels of any type.
    ratio : float
        Share of the labels to permute, from 0 to 1, rounded to a whole number of
        labels. The larger it is, the less the labels say about the samples.
    random_state : int, RandomState instance or None, default=None
        Seed of the choice and of the permutation.

    Returns
    -------
    y : ndarray of shape (n_samples,)
        Copy of the labels, with some of them permuted.

    Raises
    ------
    ValueError
        If y has more than one column or ratio is not in [0, 1].

    See Also
    --------
    make_tree : Samples whose labels are the branches of a tree.

    Examples
    --------
    Permute half of ten labels:

    >>> import numpy as np
    >>> from skdse.datasets import corrupt_labels
    >>> y = np.repeat(["cat", "dog"], 5)
    >>> noisy = corrupt_labels(y, 0.5, random_state=0)
    >>> print((noisy != y).sum(), (noisy == "cat").sum())
    2 5
    """
    check_share(ratio, "ratio")
    labels = column_or_1d(y).copy()
    rng = check_random_state(random_state)
    rows = rng.permutation(len(labels))[: round(ratio * len(labels))]
    labels[rows] = labels[rng.permutation(rows)]
    return labels


# Manifolds of dimension d, in the fewest coordinates


def _uniform(n, d, rng):
    """The cube of side 2."""
    return rng.uniform(-1, 1, size=(n, d))


def _normal(n, d, rng):
    """The standard normal."""
    return rng.normal(size=(n, d))


def _sphere(n, d, rng):
    """Directions of d + 1 coordinates."""
    X = rng.normal(size=(n, d + 1))
    return X / np.linalg.norm(X, axis=1, keepdims=True)


def _torus(n, d, rng):
    """Cosines, then sines, of d angles."""
    angles = rng.uniform(0, 2 * np.pi, size=(n, d))
    return np.hstack([np.cos(angles), np.sin(angles)])


def _swiss_roll(n, d, rng):
    """A spiral of one and a half to four and a half π, beside a cube."""
    angle = rng.uniform(1.5 * np.pi, 4.5 * np.pi, size=(n, 1))
    spiral = np.hstack([np.cos(angle), np.sin(angle)]) * angle / (4.5 * np.pi)
    return np.hstack([spiral, _uniform(n, d - 1, rng)])


_MANIFOLDS = {
    "normal": _normal,
    "sphere": _sphere,
    "swiss_roll": _swiss_roll,
    "torus": _torus,
    "uniform": _uniform,
}


def _orthonormal_rows(n_rows, n_columns, rng):
    """Random orthonormal rows, uniform over all of them."""
    Q, R = np.linalg.qr(rng.normal(size=(n_columns, n_rows)))
    # Without the signs of R, Q would not be uniform (Mezzadri 2007).
    return (Q * np.sign(np.diag(R))).T


def _check_noise(noise):
    """Raise unless noise is a finite number of at least 0."""
    check_scalar(noise, "noise", Real, min_val=0)
    if not np.isfinite(noise):
        raise ValueError(f"noise must be a finite number; got {noise!r}.")


def _add_noise(X, noise, rng):
    """Add the paper's noise."""
    return X + noise * rng.uniform(-1, 1, size=X.shape)
