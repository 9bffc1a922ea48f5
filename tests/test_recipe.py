"""The conda recipe asks for what the package asks for."""

import importlib
import re
import tomllib
from pathlib import Path

import pytest

import skdse

yaml = pytest.importorskip("yaml")

ROOT = Path(__file__).parent.parent
RECIPE = yaml.safe_load((ROOT / "doc/recipe/recipe.yaml").read_text(encoding="utf-8"))
with open(ROOT / "pyproject.toml", "rb") as file:
    PYPROJECT = tomllib.load(file)


def _minima(requirements):
    """Least versions by name."""
    pattern = re.compile(r"([a-z-]+) ?>=([\d.]+)")
    return {m[1]: m[2] for one in requirements if (m := pattern.fullmatch(one))}


def test_version_is_that_of_the_package():
    assert RECIPE["context"]["version"] == skdse.__version__
    assert RECIPE["package"] == {"name": "skdse", "version": "${{ version }}"}
    assert RECIPE["source"]["path"] == "../../dist/skdse-${{ version }}.tar.gz"


def test_requirements_are_those_of_the_package():
    project = PYPROJECT["project"]
    python = {"python": project["requires-python"].removeprefix(">=")}
    run = RECIPE["requirements"]["run"]
    assert _minima(run) == python | _minima(project["dependencies"])
    assert len(run) == len(project["dependencies"]) + 1
    host = RECIPE["requirements"]["host"]
    assert _minima(host) == python | _minima(PYPROJECT["build-system"]["requires"])


def test_command_and_texts_are_those_of_the_package():
    project = PYPROJECT["project"]
    (entry,) = RECIPE["build"]["python"]["entry_points"]
    assert dict([entry.split(" = ")]) == project["scripts"]
    about = RECIPE["about"]
    assert about["summary"] == project["description"]
    assert about["license"] == project["license"]
    assert [about["license_file"]] == project["license-files"]


def test_modules_that_it_imports_are_there():
    modules = RECIPE["tests"][0]["python"]["imports"]
    assert len(modules) >= 6
    for module in modules:
        importlib.import_module(module)
