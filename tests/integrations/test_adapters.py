"""What all adapters share: lazy imports, and errors that name the extra."""

import ast
import importlib
import importlib.util
import subprocess
import sys
import tomllib
import warnings
from pathlib import Path

import pytest

import skdse

PACKAGE = Path(skdse.__file__).parent
EXTRAS = tomllib.loads((PACKAGE.parent / "pyproject.toml").read_text(encoding="utf-8"))[
    "project"
]["optional-dependencies"]
ADAPTERS = sorted(
    path.stem
    for path in (PACKAGE / "integrations").glob("*.py")
    if not path.stem.startswith("_")
)


def _run(code):
    """Standard output of a fresh Python that runs the code."""
    command = [sys.executable, "-W", "ignore", "-c", code]
    done = subprocess.run(
        command, capture_output=True, text=True, check=False, cwd=PACKAGE.parent
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


@pytest.mark.parametrize("name", ADAPTERS)
def test_each_is_an_extra_that_the_error_names(name):
    assert any(one.startswith(name) for one in EXTRAS[name])
    code = f"""
import sys
sys.modules["{name}"] = None  # not to be imported
try:
    import skdse.integrations.{name}
except ImportError as error:
    print(error)
"""
    assert f"pip install 'skdse[{name}]'" in _run(code)


def test_the_room_imports_none_of_them():
    names = {*ADAPTERS, "torch"}
    code = f"""
import sys, skdse.integrations
print(sorted({names} & set(sys.modules)))
"""
    assert _run(code) == "[]"


@pytest.mark.parametrize("name", ADAPTERS)
def test_docstrings_are_valid_and_names_are_in_the_reference(name):
    validate = pytest.importorskip("numpydoc.validate")
    if importlib.util.find_spec(name) is None:
        pytest.skip(f"needs {name}")
    with warnings.catch_warnings():  # some add to the filters
        warnings.simplefilter("ignore")
        module = importlib.import_module(f"skdse.integrations.{name}")
    settings = tomllib.loads(
        (PACKAGE.parent / "pyproject.toml").read_text(encoding="utf-8")
    )
    switched = settings["tool"]["numpydoc_validation"]["checks"]
    tree = ast.parse(Path(module.__file__).read_text(encoding="utf-8"))
    classes = {one.name: one for one in tree.body if isinstance(one, ast.ClassDef)}
    api = (PACKAGE.parent / "doc" / "api" / "index.rst").read_text(encoding="utf-8")
    section = api.partition(f"{module.__name__}\n")[2].partition("currentmodule")[0]
    for member in module.__all__:
        assert f"   {member}\n" in section
        methods = [
            f"{member}.{one.name}"
            for one in getattr(classes.get(member), "body", ())
            if isinstance(one, ast.FunctionDef) and not one.name.startswith("_")
        ]
        for one in (member, *methods):
            found = validate.validate(f"{module.__name__}.{one}")["errors"]
            assert [error for error in found if error[0] not in switched] == [], one
