"""The switcher of versions, wherever the site is served.

Each version is published in a folder: ``dev/`` from the main branch, ``0.2/`` from the
releases 0.2.x. ``_static/switcher.json`` lists them, by addresses from such a folder.
The theme follows these from the page that is open: a page in a folder gets a list that
leads as many folders up.
"""

import json
import os
from pathlib import Path

STATIC = Path(__file__).parent.parent / "_static"
# Folder that this build is for; the workflow "documentation" says it for a release.
FOLDER = os.environ.get("DOC_FOLDER", "dev")
DEEPEST = 8


def from_depth(versions, depth):
    """Versions with addresses from a page that lies so many folders deep."""
    return [one | {"url": "../" * depth + one["url"]} for one in versions]


def name_of_list(depth):
    """Path in the site of the list for pages of a depth."""
    return f"_static/switcher_{depth}.json"


def switcher_of(page):
    """Option of the theme for a page."""
    return {"json_url": name_of_list(page.count("/")), "version_match": FOLDER}


def _choose(app, page, template, context, doctree):
    """Give a page the list of its depth."""
    context["theme_switcher"] = switcher_of(page)


def _write(app, exception):
    """Write the lists of all depths."""
    if exception is None and app.builder.format == "html":
        versions = json.loads((STATIC / "switcher.json").read_text(encoding="utf-8"))
        for depth in range(DEEPEST):
            path = Path(app.outdir) / name_of_list(depth)
            path.write_text(json.dumps(from_depth(versions, depth)), encoding="utf-8")


def setup(app):
    """Choose the list before the theme writes its name into the page."""
    app.connect("html-page-context", _choose, priority=100)
    app.connect("build-finished", _write)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
