"""Docstrings say what is so: parameters, fitted attributes, runnable examples."""

import ast
import builtins
import doctest
import importlib
import inspect
import pkgutil
import tomllib
import warnings
from pathlib import Path

import pandas as pd
import pytest
from sklearn.base import BaseEstimator

import skdse

validate = pytest.importorskip("numpydoc.validate")
docscrape = pytest.importorskip("numpydoc.docscrape")

PYPROJECT = Path(__file__).parent.parent / "pyproject.toml"
PUBLIC_MODULES = [
    "skdse",
    *(
        f"skdse.{module.name}"
        for module in pkgutil.iter_modules(skdse.__path__)
        if not module.name.startswith("_")
    ),
]


def _public_objects():
    """Name and object of every function and class that a public module lists."""
    for name in PUBLIC_MODULES:
        module = importlib.import_module(name)
        for member in module.__all__:
            if callable(getattr(module, member)):
                yield f"{name}.{member}", getattr(module, member)


def _own_methods(cls):
    """Names of the public methods that a class has from skdse."""
    for name, member in inspect.getmembers(cls, callable):
        home = getattr(member, "__module__", None) or ""
        if not name.startswith("_") and home.startswith("skdse"):
            yield name


OBJECTS = dict(_public_objects())
CLASSES = {name: one for name, one in OBJECTS.items() if inspect.isclass(one)}
ESTIMATORS = {
    name: one
    for name, one in CLASSES.items()
    if issubclass(one, BaseEstimator) and hasattr(one, "fit")
}
NAMES = [
    *OBJECTS,
    *(f"{name}.{method}" for name in CLASSES for method in _own_methods(CLASSES[name])),
]


def _documented(thing, section):
    """Names in a section of a docstring, one by one."""
    parsed = docscrape.NumpyDocString(inspect.getdoc(thing))
    return [name for one in parsed[section] for name in one.name.split(", ")]


def _examples(thing):
    """Examples of a docstring."""
    return doctest.DocTestParser().get_examples(inspect.getdoc(thing))


def test_public_methods_are_found():
    assert {
        "skdse.show_versions",
        "skdse.DiffusionSpectralMI.fit",
        "skdse.DiffusionSpectralEntropy.score",
        "skdse.DiffusionSpectralEntropy.transform",
        "skdse.DiffusionSpectralEntropy.entropy_curve",
        "skdse.datasets.make_tree",
    } <= set(NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_docstring_is_valid_numpydoc(name):
    settings = tomllib.loads(PYPROJECT.read_text(encoding="utf-8"))
    switched = settings["tool"]["numpydoc_validation"]["checks"]
    assert "all" in switched  # so the others are those that are off
    errors = [
        (code, message)
        for code, message in validate.validate(name)["errors"]
        if code not in switched
    ]
    assert errors == []


@pytest.mark.parametrize("name", OBJECTS)
def test_documented_parameters_are_the_signature(name):
    parameters = inspect.signature(OBJECTS[name]).parameters.values()
    expected = [
        f"**{one.name}" if one.kind == one.VAR_KEYWORD else one.name
        for one in parameters
    ]
    assert _documented(OBJECTS[name], "Parameters") == expected


@pytest.mark.parametrize("name", ESTIMATORS)
def test_documented_attributes_are_the_fitted_ones(name, digits):
    X, y = digits
    estimator = ESTIMATORS[name]().fit(pd.DataFrame(X).add_prefix("pixel"), y)
    fitted = [
        attribute
        for attribute in vars(estimator)
        if attribute.endswith("_") and not attribute.startswith("_")
    ]
    # Those that are read off the scale.
    fitted += [
        name
        for name, member in inspect.getmembers(type(estimator))
        if isinstance(member, property) and name.endswith("_")
        if not name.startswith("_") and hasattr(estimator, name)
    ]
    fitted += ["n_features_in_", "feature_names_in_"]
    assert sorted(_documented(estimator, "Attributes")) == sorted(set(fitted))


@pytest.mark.parametrize("name", ESTIMATORS)
def test_documented_defaults_are_the_real_ones(name):
    parsed = docscrape.NumpyDocString(inspect.getdoc(ESTIMATORS[name]))
    defaults = ESTIMATORS[name]().get_params(deep=False)
    for parameter in parsed["Parameters"]:
        documented = parameter.type.rpartition("default=")[2]
        assert ast.literal_eval(documented) == defaults[parameter.name]


@pytest.mark.parametrize("name", OBJECTS)
def test_example_runs_by_itself(name):
    # That it runs is for --doctest-modules; there it finds the names of its module.
    source = "".join(example.source for example in _examples(OBJECTS[name]))
    assert f"import {OBJECTS[name].__name__}" in source  # which has another name
    nodes = list(ast.walk(ast.parse(source)))
    known = {*vars(builtins)} | {
        alias.asname or alias.name.partition(".")[0]
        for node in nodes
        if isinstance(node, (ast.Import, ast.ImportFrom))
        for alias in node.names
    }
    names = [node for node in nodes if isinstance(node, ast.Name)]
    known |= {node.id for node in names if isinstance(node.ctx, ast.Store)}
    assert {node.id for node in names} <= known


@pytest.mark.parametrize("name", OBJECTS)
def test_example_is_introduced_by_a_sentence(name):
    section = inspect.getdoc(OBJECTS[name]).partition("Examples\n--------\n")[2]
    assert section
    assert not section.startswith(">>>")


def test_importing_public_modules_warns_of_nothing():
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        for name in PUBLIC_MODULES:
            importlib.import_module(name)
    assert caught == []
