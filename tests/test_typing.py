"""Annotations of the public interface: complete, right, and known to type checkers.

mypy reads this file as it would read a user's, in ``.ci/run``.
"""

import ast
import inspect
import tomllib
from pathlib import Path
from typing import Any, assert_type

import numpy as np
import pytest
from test_docstrings import CLASSES, OBJECTS

import skdse
from skdse import (
    DiffusionSpectralEntropy,
    DiffusionSpectralMI,
    mutual_info_permutation_test,
)
from skdse.datasets import make_tree

PACKAGE = Path(skdse.__file__).parent
ADAPTERS = sorted((PACKAGE / "integrations").glob("[!_]*.py"))


def _functions(cls):
    """Name and function of what a class has from skdse, that users call or read."""
    for name, member in inspect.getmembers_static(cls):
        if name.startswith("_") and name != "__init__":
            continue
        function = getattr(member, "fget", None) or getattr(member, "__func__", member)
        home = getattr(function, "__module__", None) or ""
        if inspect.isfunction(function) and home.startswith("skdse"):
            yield name, function


FUNCTIONS = {
    **{name: one for name, one in OBJECTS.items() if name not in CLASSES},
    **{
        f"{name}.{method}": function
        for name, cls in CLASSES.items()
        for method, function in _functions(cls)
    },
}


@pytest.mark.parametrize("name", FUNCTIONS)
def test_public_function_is_annotated(name: str) -> None:
    signature = inspect.signature(FUNCTIONS[name])
    bare = [
        parameter.name
        for parameter in signature.parameters.values()
        if parameter.annotation is parameter.empty and parameter.name != "self"
    ]
    assert [one for one in bare if one != "cls"] == []
    assert signature.return_annotation is not signature.empty


# Their packages may be missing: read, not imported.
@pytest.mark.parametrize("path", ADAPTERS, ids=lambda path: path.stem)
def test_adapter_is_annotated(path: Path) -> None:
    tree: Any = ast.parse(path.read_text(encoding="utf-8"))
    functions = [
        node
        for scope in [tree, *(one for one in tree.body if hasattr(one, "bases"))]
        for node in scope.body
        if isinstance(node, ast.FunctionDef)
        if not node.name.startswith("_") or node.name == "__init__"
        if not getattr(scope, "name", "").startswith("_")
    ]
    assert functions
    for node in functions:
        assert node.returns is not None, node.name
        given = node.args
        named = [*given.args, *given.kwonlyargs, given.vararg, given.kwarg]
        bare = {one.arg for one in named if one and one.annotation is None}
        assert bare <= {"self"}, node.name


def test_many_functions_are_looked_at() -> None:
    assert {
        "skdse.diffusion_spectral_entropy",
        "skdse.DiffusionSpectralEntropy.__init__",
        "skdse.DiffusionSpectralMI.transform",
        "skdse.plotting.LayerProfileDisplay.from_frame",
        "skdse.probing.RepresentationTracker.resume",
    } <= set(FUNCTIONS)
    assert len(ADAPTERS) == 5


def test_type_checkers_are_told() -> None:
    assert (PACKAGE / "py.typed").read_bytes() == b""
    pyproject = PACKAGE.parent / "pyproject.toml"
    settings = tomllib.loads(pyproject.read_text(encoding="utf-8"))
    assert "py.typed" in settings["tool"]["setuptools"]["package-data"]["skdse"]


def test_results_have_their_types() -> None:
    X, y = make_tree(60, 3, random_state=0)
    assert_type(X, np.ndarray)
    dse = assert_type(DiffusionSpectralEntropy().fit(X), DiffusionSpectralEntropy)
    dsmi = DiffusionSpectralMI(dse, random_state=0).fit(X.tolist(), y)
    test = mutual_info_permutation_test(X, y, n_permutations=9, random_state=0)
    values: list[Any] = [
        assert_type(dse.entropy_, float),
        assert_type(dse.score(X), float),
        assert_type(dse.effective_rank_, float),
        assert_type(dsmi.mutual_info_, float),
        assert_type(dsmi.score(X, y), float),
        assert_type(test.pvalue, float),
    ]
    assert [type(one) for one in values if not isinstance(one, float)] == []
    assert isinstance(assert_type(dse.entropy_curve([1, 2]), np.ndarray), np.ndarray)


def test_what_is_wrong_is_an_error() -> None:
    # mypy reports each of the comments that is not needed.
    with pytest.raises((TypeError, ValueError)):
        DiffusionSpectralEntropy(tol="small").fit([[0.0]])  # type: ignore[arg-type]
    with pytest.raises(TypeError):
        DiffusionSpectralEntropy(sigma=1.0)  # type: ignore[call-arg]
    with pytest.raises(TypeError):
        mutual_info_permutation_test([[0.0]], y=[0], n=9)  # type: ignore[call-arg]
