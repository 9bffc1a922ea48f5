"""``llms.txt``: the site in one short text, for language models that help its users.

What it is, how it is called, every public object with the first line of its docstring,
and the pages of the guide: taken from the README, the sources and the pages themselves,
in the format of llmstxt.org. Addresses are relative to the site.
"""

import ast
import re
from pathlib import Path

DOC = Path(__file__).parent.parent
PACKAGE = DOC.parent / "skdse"
NOTES = (
    "Values are in bits; `normalize=True` gives shares.",
    "DSMI has two forms by name: `dsmi_share`, a share of the entropy, to compare "
    "representations, and `dsmi_wide`, in bits, to follow a network.",
    "`bandwidth` is found from the data by default. Do not scale features to a given "
    "bandwidth.",
    "DSMI is estimated from random subsets: pass `random_state`, and compare values of "
    "the same number of samples alone.",
    "`score(X, y)` measures other samples at the fitted scale; `fit` finds a new one.",
    "From some thousand samples on, the entropy is estimated; `entropy_std_error_` is "
    "its standard error.",
)


def make_text():
    """Text of the file."""
    parts = [_introduction(), "## API\n\n" + "\n".join(_objects())]
    parts.append("## User guide\n\n" + "\n".join(_pages("guide")))
    parts.append("## Optional\n\n" + "\n".join(_pages("studies")))
    return "\n\n".join(parts) + "\n"


def _introduction():
    """What the package is and an example, both of the README, and notes."""
    readme = (DOC.parent / "README.md").read_text(encoding="utf-8")
    first = readme.split("\n\n")[1]
    (example,) = re.findall(r"```python\n(.*?)\n+```", readme, re.DOTALL)
    notes = "\n".join(f"- {one}" for one in NOTES)
    return (
        f"# skdse\n\n> {first}\n\n```python\n{example}\n```\n\n"
        f"`pip install skdse`; Python 3.11 or newer.\n\n{notes}"
    )


def entries(path, directive):
    """What the directives of a page list, (module or None, entry) each."""
    module, inside = None, False
    for line in path.read_text(encoding="utf-8").splitlines():
        if line.startswith(".. currentmodule::"):
            module = line.split("::")[1].strip()
        elif line.startswith(".. "):
            inside = line.startswith(f".. {directive}::")
        elif inside and line.startswith("   ") and not line.strip().startswith(":"):
            yield module, line.strip()


def _objects():
    """A line for each object of the API reference."""
    for module, name in entries(DOC / "api" / "index.rst", "autosummary"):
        page = f"api/generated/{module}.{name}.html"
        yield f"- [{module}.{name}]({page}): {_summary(module, name)}"


def _summary(module, name):
    """First line of the docstring of an object, whose module is not imported."""
    path = PACKAGE.joinpath(*module.split(".")[1:])
    path = path / "__init__.py" if path.is_dir() else path.with_suffix(".py")
    first = _docstring(path, name).partition("\n")[0]
    return re.sub(r":\w+:`([^`]+)`", r"`\1`", first)


def _docstring(path, name):
    """Docstring of what a module defines, imports or gives a second name."""
    for node in ast.parse(path.read_text(encoding="utf-8")).body:
        if getattr(node, "name", None) == name:
            return ast.get_docstring(node)
        if isinstance(node, ast.ImportFrom) and name in {
            one.name for one in node.names
        }:
            folder = path.parents[node.level - 1].joinpath(*node.module.split("."))
            inner = (
                folder / "__init__.py" if folder.is_dir() else folder.with_suffix(".py")
            )
            return _docstring(inner, name)
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == name:
            return _docstring(path, ast.unparse(node.value))
    raise LookupError(f"{path} has no {name}")


def _pages(folder):
    """A line for each page of a folder, in the order of its table of contents."""
    for _, page in entries(DOC / folder / "index.rst", "toctree"):
        text = (DOC / folder / f"{page}.rst").read_text(encoding="utf-8")
        title = re.search(r"^(.+)\n=+$", text, re.MULTILINE)[1]
        yield f"- [{title}]({folder}/{page}.html)"


def _write(app, exception):
    """Write the file beside the pages."""
    if exception is None and app.builder.format == "html":
        (Path(app.outdir) / "llms.txt").write_text(make_text(), encoding="utf-8")


def setup(app):
    """Write the file once the pages are built."""
    app.connect("build-finished", _write)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
