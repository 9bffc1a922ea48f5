"""Errors that an input causes, in one line each: exit status 2, no traceback."""

from contextlib import contextmanager
from zipfile import BadZipFile

BAD_INPUT = (MemoryError, OSError, ValueError, BadZipFile)
# Longer messages have the content of a file in them.
LONGEST = 400


class InputError(Exception):
    """What the user can put right, in one line."""


@contextmanager
def blamed_on(name, kinds=BAD_INPUT):
    """Turn what a bad input causes into one line that names it."""
    try:
        yield
    except InputError:
        raise
    except kinds as error:
        raise InputError(one_line(f"{name}: {first_line(error)}")) from error


@contextmanager
def extra(extra, purpose):
    """Turn a missing import into the name of the extra that has it."""
    try:
        yield
    except ImportError as error:
        raise InputError(
            f'{purpose} needs an optional package: pip install "skdse[{extra}]".'
        ) from error


def first_line(error):
    """What an error says, in one line; of what is no usual one, its type, too."""
    text = getattr(error, "strerror", None) or str(error)
    lines = text.strip().splitlines() or [""]
    if not lines[0] or not isinstance(error, (*BAD_INPUT, TypeError)):
        return f"{type(error).__name__}: {lines[0]}".rstrip(": ")
    return lines[0]


def printable(text):
    """Text in one line, without what a terminal would not print."""
    return "".join(
        char if char.isprintable() else "\N{REPLACEMENT CHARACTER}"
        for char in " ".join(text.splitlines())
    )


def one_line(text):
    """Printable text that is not longer than a message."""
    text = printable(text)
    return text if len(text) <= LONGEST else f"{text[: LONGEST - 1]}…"
