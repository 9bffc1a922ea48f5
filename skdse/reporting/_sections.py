"""Sections of the page: what stands between its title and its end."""

from .._measures.catalogue import ERROR, describe
from .._measures.tables import numbers
from ._facts import installed_versions, shown
from ._grids import run_names
from ._page import card, charts, listing, section, table

# Headings of columns that are not measures.
HEADINGS = {"n_samples": "samples", "n_features": "features", "seconds": "seconds"}
# A hash that says nothing to a reader.
LEFT_OUT = ("settings",)
# Cells of the table at most, so that a page stays small.
MAX_CELLS = 20_000
CHIPS = '<div class="chips"></div>'
PICK = "Press a name to hide or show it."


def measure_section(grids, titles):
    """Place of the maps, or of profiles or courses, of each measure."""
    kept = grids[0].n_epochs if grids[0].epochs is None else len(grids[0].epochs)
    text = "Point at a cell, or tap it, for its value and error."
    if kept < grids[0].n_epochs:
        text += f" {kept} of {grids[0].n_epochs} epochs are drawn."
    cards = [card(f"measure-{i}", title) for i, title in enumerate(titles)]
    return section(
        "Measures",
        text,
        '<div class="controls" id="runs"></div>',
        '<p class="quiet" id="error"></p>',
        charts(*cards),
        id="measures",
    )


def plane_section(plane, several_epochs):
    """Place of two measures against each other."""
    if not plane:
        return ""
    text = "A point for each layer."
    if several_epochs:
        text = (
            "A trail for each layer, from the first epoch (small) to the last (large)."
        )
    return section(
        "Plane",
        f"{text} {PICK}",
        '<div class="controls" id="axes"></div>',
        CHIPS,
        card("plane", "Two measures against each other"),
        id="planes",
    )


def spectra_section(fitted, n_layers):
    """Place of entropy curves and spectra; a sentence where there are none."""
    title = "Entropy over diffusion time, and spectra"
    if fitted is None:
        return ""
    if not fitted:
        text = "None are known: they are kept of entropies (DSE) as they are measured, "
        return section(title, f"{text}not in files of records.", id="spectrum")
    epoch = next(iter(fitted.values())).epoch
    when = "" if epoch is None else f"At epoch {epoch}. "
    if len(fitted) < n_layers:
        when += f"{len(fitted)} of {n_layers} are shown. "
    text = (
        f"{when}A longer time counts coarser states; a circle is the knee of a curve. "
        f"The flatter a spectrum, the higher its entropy. {PICK}"
    )
    cards = card("curves", "DSE against diffusion time"), card("spectra", "Eigenvalues")
    return section(title, text, CHIPS, charts(*cards), id="spectrum")


def table_section(columns, name, units):
    """Table of all columns that have a text or a number in each row."""
    kinds = {key: _is_text(values) for key, values in columns.items()}
    keys = [key for key in columns if kinds[key] is not None and key not in LEFT_OUT]
    n_rows = len(columns[name])
    if "run" in keys and not any(run_names(columns["run"])):
        keys.remove("run")
    first = max(n_rows - max(MAX_CELLS // len(keys), 1), 0)
    cells = [
        columns[key][first:] if kinds[key] else numbers(columns[key][first:])
        for key in keys
    ]
    headings = [(_heading(key, units), kinds[key]) for key in keys]
    text = "Press a heading to sort."
    if first:
        text += f" These are the last {n_rows - first} of {n_rows} rows."
    rows = zip(*cells, strict=True)
    return section("Table", text, table(headings, rows), id="table")


def _is_text(values):
    """Whether a column has texts; None if it has neither texts nor numbers."""
    if values.ndim != 1:
        return None
    try:
        return numbers(values) is None
    except (TypeError, ValueError):
        is_text = all(one is None or isinstance(one, str) for one in values.tolist())
        return True if is_text else None


def _heading(key, units):
    """Heading of a column, with its unit."""
    measure = key.removesuffix(ERROR)
    if key != measure:
        return f"± s.e. of {describe(measure).title}"
    title = HEADINGS.get(key, describe(key).title)
    return f"{title} [{units[key]}]" if units.get(key) else title


def settings_section(settings):
    """Settings, and versions of what is installed."""
    lists = [listing(title, rows) for title, rows in installed_versions().items()]
    if settings:
        rows = [(key, shown(value)) for key, value in settings.items()]
        lists.insert(0, listing("Settings", rows))
    return section(
        "Settings and versions",
        "",
        f'<div class="lists">{"".join(lists)}</div>',
        id="settings",
    )
