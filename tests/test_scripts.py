"""Examples, studies and benchmarks use what users can use: public names alone."""

import ast
from pathlib import Path

import pytest

DOC = Path(__file__).parent.parent / "doc"
FOLDERS = ("benchmarks", "examples", "guide", "studies")
SCRIPTS = sorted(path for one in FOLDERS for path in (DOC / one).rglob("*.py"))


def _is_private(name):
    return any(
        part.startswith("_") and not part.startswith("__") for part in name.split(".")
    )


def _private(tree):
    """Private names of other modules and objects that a script uses."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (one.name for one in node.names if _is_private(one.name))
        elif isinstance(node, ast.ImportFrom):
            names = [f"{node.module}.{one.name}" for one in node.names]
            yield from filter(_is_private, names)
        elif isinstance(node, ast.Attribute) and _is_private(node.attr):
            if not (isinstance(node.value, ast.Name) and node.value.id == "self"):
                yield ast.unparse(node)


@pytest.mark.parametrize("path", SCRIPTS, ids=lambda path: path.stem)
def test_script_uses_public_names_alone(path):
    assert list(_private(ast.parse(path.read_text(encoding="utf-8")))) == []


def test_the_scan_sees_private_names():
    code = "import a._b\nfrom skdse._spectra import x\nfrom a import _c\nd._e\nself._f"
    found = ["a._b", "skdse._spectra.x", "a._c", "d._e"]
    assert sorted(_private(ast.parse(code))) == sorted(found)
    assert len(SCRIPTS) > 40
