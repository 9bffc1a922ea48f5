"""``skdse compare``: differences of two reports, beside their standard errors."""

import json
import math
from pathlib import Path

from .._measures.catalogue import CATALOGUE, ERROR, MEASURES
from .errors import InputError, blamed_on
from .files import check_extension
from .report import aligned
from .results import NOT_OURS, READABLE, read_rows

HEADINGS = ("name", "measure", "A", "B", "B − A", "± s.e.", "in s.e.", "exceeds")


def compare(first, second):
    """Differences of two files of results, and lines on what else differs."""
    of_a, of_b = _latest(first), _latest(second)
    pairs = {name: (of_a[name], of_b[name]) for name in of_a if name in of_b}
    if not pairs:
        raise InputError(f"{first} and {second} have no name in common.")
    notes = [
        f"{len(only)} rows are in {file} alone: {', '.join(only[:5])}"
        f"{', …' if len(only) > 5 else ''}."
        for file, one, other in ((first, of_a, of_b), (second, of_b, of_a))
        if (only := [name for name in one if name not in other])
    ]
    notes += _other_circumstances(pairs)
    differences = [
        _difference(name, measure, a, b)
        for name, (a, b) in pairs.items()
        for measure in MEASURES
        if _is_number(a.get(measure)) and _is_number(b.get(measure))
    ]
    return differences, notes


def _latest(file):
    """Last row of each name in a file of results."""
    check_extension(file, READABLE)
    if not Path(file).is_file():
        raise InputError(f"{file}: no such file.")
    with blamed_on(file):
        rows = read_rows(file)
        if not rows or not all("name" in row and "dse" in row for row in rows):
            raise ValueError(NOT_OURS)
    return {row["name"]: row for row in rows}


def _difference(name, measure, a, b):
    """Difference of a measure, its standard error, and whether it exceeds that."""
    errors = [one.get(measure + ERROR) for one in (a, b)]
    difference, error = b[measure] - a[measure], None
    if all(map(_is_number, errors)):
        error = math.hypot(*errors)
    return {
        "name": name,
        "measure": measure,
        "a": a[measure],
        "b": b[measure],
        "difference": difference,
        "std_error": error,
        "exceeds": None if error is None else abs(difference) > error,
    }


def _is_number(value):
    """Whether a value is a finite number."""
    return isinstance(value, (int, float)) and math.isfinite(value)


def _other_circumstances(pairs):
    """Lines on settings, versions and numbers of samples that are not the same."""
    notes = []
    for key in ("settings", "versions"):
        found = {}
        for a, b in pairs.values():
            of_a, of_b = (_flat(json.loads(one.get(key) or "{}")) for one in (a, b))
            if of_a and of_b:
                found |= {
                    name: (of_a.get(name), of_b.get(name))
                    for name in sorted({*of_a, *of_b})
                    if of_a.get(name) != of_b.get(name)
                }
        if found:
            texts = [f"{name} {a} → {b}" for name, (a, b) in found.items()]
            notes.append(f"{key} differ: {', '.join(texts)}.")
    others = [
        name
        for name, (a, b) in pairs.items()
        if a.get("n_samples") != b.get("n_samples")
    ]
    if others:
        notes.append(
            f"{len(others)} rows have other numbers of samples, with which entropies "
            f"grow: {', '.join(others[:5])}{', …' if len(others) > 5 else ''}."
        )
    return notes


def _flat(content, prefix=""):
    """Values of nested dictionaries by names with points."""
    found = {}
    for key, value in content.items():
        name = f"{prefix}{key}"
        found |= _flat(value, f"{name}.") if isinstance(value, dict) else {name: value}
    return found


def as_lines(differences, notes):
    """Table of differences, what it says, and the notes."""
    lines = [list(HEADINGS)]
    for one in differences:
        error, difference = one["std_error"], one["difference"]
        numbers = [one["a"], one["b"], difference]
        ratio = abs(difference) / error if error else None
        lines.append(
            [
                one["name"],
                CATALOGUE[one["measure"]].title,
                *(f"{value:.3f}" for value in numbers),
                "-" if error is None else f"{error:.3f}",
                "-" if ratio is None else f"{ratio:.1f}",
                {True: "yes", False: "no", None: "-"}[one["exceeds"]],
            ]
        )
    known = [one for one in differences if one["exceeds"] is not None]
    beyond = [one for one in known if one["exceeds"]]
    twice = [one for one in beyond if abs(one["difference"]) > 2 * one["std_error"]]
    text = (
        f"{len(beyond)} of {len(known)} differences exceed their standard error, "
        f"{len(twice)} exceed it twice."
    )
    return "\n".join([*aligned(lines, n_left=2), "", text, *notes])
