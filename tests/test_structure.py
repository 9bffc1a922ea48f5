"""The structure of the package: who imports whom, who reaches into whom, how long."""

import ast
import tokenize
from pathlib import Path

import pytest

import skdse

PACKAGE = Path(skdse.__file__).parent
FILES = sorted(PACKAGE.rglob("*.py"))
# The rooms, from the ground up. A module imports from its own room and from those on
# floors below; within a room imports make no circle (Python would say so).
FLOORS = (
    ("_tools", "_version"),
    ("_spectra", "datasets"),
    ("_measures",),
    ("differentiable",),
    ("_functions",),
    ("skdse",),  # skdse/__init__.py: the estimators, for users
    ("reporting",),
    ("probing",),
    ("plotting", "model_selection", "integrations"),
    ("_cli",),
    ("__main__",),
)
FLOOR = {room: i for i, rooms in enumerate(FLOORS) for room in rooms}
# Within a room, too, imports point one way.
ORDERS = {
    "_tools": (
        "hints",
        "doc_links",
        "memory",
        "validation",
        "progress",
        "pools",
        "parallel",
        "sparse_rows",
        "arrays",
        "cells",
        "containers",
        "lazy_frames",
        "intake",
        "digests",
        "cluster",
    ),
    "_spectra": (
        "metrics",
        "device_distances",
        "distances",
        "frames",
        "smallest",
        "paired_tiles",
        "tiled_search",
        "device_search",
        "cell_search",
        "searches",
        "neighbor_lists",
        "placements",
        "neighbors",
        "shelves",
        "kernels",
        "gibbs",
        "stacks",
        "medians",
        "bandwidth",
        "matrices",
        "device_matrices",
        "given",
        "given_graph",
        "triton_tiles",
        "fused",
        "tiles",
        "affinity",
        "given_affinities",
        "affinities",
        "blocked",
        "diffusion",
        "drift",
        "estimates",
        "spectrum",
        "small_sets",
        "lanczos",
        "lapack",
        "bands",
        "solvers",
        "matching",
        "meter",
        "spectral_meter",
    ),
    "_spectra.lanczos": (
        "krylov",
        "plan",
        "quadrature",
        "recurrence",
        "density",
        "request",
        "course",
    ),
    "_spectra.blocked": ("samples", "pairs", "kernel", "medians", "lists", "affinity"),
    "_measures": (
        "meters",
        "base",
        "entropy_meter",
        "entropy",
        "baseline_meters",
        "baselines",
        "device_clusters",
        "target_kinds",
        "grouping",
        "pairs",
        "balance",
        "pieces",
        "cluster_sets",
        "subsets",
        "mutual_info",
        "partitions",
        "permutation",
        "confidence",
        "catalogue",
        "tables",
        "spectra",
    ),
    "probing": (
        "_selection",
        "_inputs",
        "_rows",
        "_masks",
        "_pooling",
        "_wrapped",
        "_hooks",
        "_representation",
        "_activations",
        "_samples",
        "_accuracy",
        "_callbacks",
        "_budget",
        "_choice",
        "_collapse",
        "_records",
        "_results",
        "_resuming",
        "_tracker",
    ),
    "reporting": ("_grids", "_curves", "_facts", "_page", "_sections", "_report"),
    "plotting": (
        "_axes",
        "_entropy",
        "_layers",
        "_mutual_info",
        "_spectrum",
        "_training",
    ),
    "integrations": (
        "_course",
        "anndata",
        "torchmetrics",
        "lightning",
        "transformers",
        "keras",
    ),
    "differentiable": ("_pairs", "_entropy", "_mutual_info"),
    "_cli": (
        "errors",
        "readers",
        "files",
        "locks",
        "results",
        "report",
        "digits",
        "file_rows",
        "pages",
        "compare",
        "arguments",
    ),
    "_cli.readers": (
        "limits",
        "archives",
        "numpy_files",
        "text",
        "safetensors",
        "pickle_work",
        "tensor_pickles",
        "checkpoints",
        "stores",
        "hdf5_chunks",
        "hdf5_texts",
        "hdf5",
        "zarr_folders",
        "columns",
        "tables",
        "kinds",
    ),
}
MAX_FUNCTION, MEAN_FUNCTION, MAX_FILE = 40, 15, 400


def _name(path):
    """Module that a file holds, below skdse; "skdse" itself."""
    parts = path.relative_to(PACKAGE).with_suffix("").parts
    parts = parts[:-1] if parts[-1] == "__init__" else parts
    return ".".join(parts) or "skdse"


def _tree(path):
    return ast.parse(path.read_text(encoding="utf-8"))


NAMES = {_name(path) for path in FILES}


def _imports(path):
    """(module, name) of each import of skdse's own in a file, nested ones too."""
    folder = ("skdse", *path.relative_to(PACKAGE).parts[:-1])
    for node in ast.walk(_tree(path)):
        if isinstance(node, ast.ImportFrom) and node.level:
            above = folder[: len(folder) + 1 - node.level]
            module = ".".join([*above, *filter(None, [node.module])])
            yield from ((module, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module.startswith("skdse"):
            yield from ((node.module, alias.name) for alias in node.names)
        elif isinstance(node, ast.Import):
            own = [one.name for one in node.names if one.name.startswith("skdse")]
            yield from ((name, "") for name in own)


def _imported_modules(path):
    """Modules below skdse that a file imports."""
    for module, name in _imports(path):
        inner = f"{module}.{name}".partition(".")[2]
        yield inner if inner in NAMES else module.partition(".")[2] or "skdse"


# Imports
# -------


def test_every_room_has_its_floor():
    assert {name.partition(".")[0] for name in NAMES} == set(FLOOR)


@pytest.mark.parametrize("path", FILES, ids=_name)
def test_no_import_runs_against_the_floors(path):
    room = _name(path).partition(".")[0]
    imported = {name.partition(".")[0] for name in _imported_modules(path)}
    others = imported - {room}
    assert {name for name in others if FLOOR[name] >= FLOOR[room]} == set()


@pytest.mark.parametrize("room", ORDERS)
def test_no_import_runs_against_the_order_of_its_room(room):
    order = ORDERS[room]
    members = {name for name in NAMES if name.rpartition(".")[0] == room}
    assert members == {f"{room}.{name}" for name in order}
    for path in FILES:
        name = _name(path)
        if not name.startswith(f"{room}.") or name == room:
            continue
        place = order.index(name.removeprefix(f"{room}.").partition(".")[0])
        imported = {
            one.removeprefix(f"{room}.").partition(".")[0]
            for one in _imported_modules(path)
            if one.startswith(f"{room}.")
        }
        assert imported <= set(order[: place + (name.count(".") > room.count(".") + 1)])


def test_the_scan_sees_imports():
    # The tests above would pass if it saw none.
    seen = set(_imported_modules(PACKAGE / "_spectra" / "solvers.py"))
    assert {"_spectra.spectrum", "_spectra.lanczos.course", "_tools.validation"} <= seen


# What is private
# ---------------


def _is_private(name):
    """Whether a name begins with an underscore; dunders are Python's protocol."""
    return name.startswith("_") and not (name.startswith("__") and name.endswith("__"))


def _reached(tree):
    """Private attributes that are reached through anything but self and cls."""
    return [
        f"line {node.lineno}: {ast.unparse(node)}"
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute) and _is_private(node.attr)
        if not (isinstance(node.value, ast.Name) and node.value.id in ("self", "cls"))
    ]


@pytest.mark.parametrize("path", FILES, ids=_name)
def test_nothing_private_of_another_object_is_reached(path):
    assert _reached(_tree(path)) == []


def test_the_scan_sees_what_is_reached():
    code = "other._x; self._x; super()._x(); self.a._b; type(a).__name__"
    found = [one.partition(": ")[2] for one in _reached(ast.parse(code))]
    assert sorted(found) == ["other._x", "self.a._b", "super()._x"]


@pytest.mark.parametrize("path", FILES, ids=_name)
def test_private_functions_are_imported_within_their_folder_alone(path):
    folder = ".".join(("skdse", *path.relative_to(PACKAGE).parts[:-1]))
    private = [(module, name) for module, name in _imports(path) if _is_private(name)]
    private = [one for one in private if ".".join(one).partition(".")[2] not in NAMES]
    assert [one for one in private if one[0].rpartition(".")[0] != folder] == []


def test_estimators_are_rarely_asked_for_their_class():
    # A meter, a tag or an attribute says what an estimator can do.
    kinds = _estimator_classes() | {
        "FrozenEstimator",
        "MLPClassifier",
        "MLPRegressor",
        "Pipeline",
        "kind",
    }
    asked = [
        f"{_name(path)}, line {node.lineno}"
        for path in FILES
        for node in ast.walk(_tree(path))
        if isinstance(node, ast.Call) and ast.unparse(node.func) == "isinstance"
        if kinds & {one.id for one in ast.walk(node.args[1]) if hasattr(one, "id")}
    ]
    assert len(asked) <= 2, asked


def _estimator_classes():
    """Names of the estimators of skdse, and of their bases."""
    classes = {
        node.name: {ast.unparse(base) for base in node.bases}
        for path in FILES
        for node in ast.walk(_tree(path))
        if isinstance(node, ast.ClassDef)
    }
    found = {"BaseEstimator"}
    while more := {name for name, bases in classes.items() if bases & found} - found:
        found |= more
    return found


# Size
# ----


def _lines_of_code(node, source):
    """Lines of a function that are neither blank, comment nor docstring."""
    lines = set(range(node.lineno, node.end_lineno + 1))
    first = node.body[0]
    if isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant):
        lines -= set(range(first.lineno, first.end_lineno + 1))
    code = {
        line
        for token in source
        if token.type not in (tokenize.COMMENT, tokenize.NL, tokenize.NEWLINE)
        for line in range(token.start[0], token.end[0] + 1)
    }
    return len(lines & code)


def _functions():
    """Name and lines of code of every function."""
    for path in FILES:
        with open(path, "rb") as file:
            source = list(tokenize.tokenize(file.readline))
        for node in ast.walk(_tree(path)):
            if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
                yield f"{_name(path)}.{node.name}", _lines_of_code(node, source)


def test_functions_are_short():
    sizes = list(_functions())
    assert [one for one in sizes if one[1] > MAX_FUNCTION] == []
    assert sum(size for _, size in sizes) / len(sizes) <= MEAN_FUNCTION


def test_files_are_short():
    sizes = {_name(path): len(path.read_text("utf-8").splitlines()) for path in FILES}
    assert {name: n for name, n in sizes.items() if n > MAX_FILE} == {}
