"""Progress of long work."""

import re
import sys
import time
from contextlib import redirect_stderr, suppress
from io import StringIO

import pytest

from skdse._tools import progress as _progress
from skdse._tools.progress import CLEAR, Progress, say


class Terminal(StringIO):
    """A terminal, to be standard error."""

    def isatty(self):
        return True


@pytest.fixture(scope="module")
def lines():
    """Lines of two works of five seconds; the inner one is interrupted at a quarter."""
    with redirect_stderr(StringIO()) as err, Progress(5, "work", verbose=1) as work:
        with suppress(KeyboardInterrupt), Progress(4, "part", verbose=1) as part:
            time.sleep(5.05)
            part.advance()
            raise KeyboardInterrupt
        work.advance(3)
        work.advance()
        work.advance()
    return err.getvalue().splitlines()


def work(seconds, steps, **options):
    with Progress(len(steps), "work", **options) as progress:
        for n in steps:
            time.sleep(seconds)
            progress.advance(n)


def test_lines_of_seconds_apart_where_nobody_watches(lines):
    # The next one would be due five seconds later.
    first, last = (line for line in lines if line.startswith("work"))
    assert re.fullmatch(r"work: 60 % \(\d+ s, about \d+ s left\)", first)
    assert re.fullmatch(r"work: 100 % \(\d+ s\)", last)


def test_short_work_says_nothing(capsys):
    work(0.001, [1] * 5, verbose=1)
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize("total", [0, 3])
def test_silent_unless_verbose(total):
    with redirect_stderr(Terminal()) as terminal:
        work(0.11, [1] * total)
    assert terminal.getvalue() == ""


def test_one_line_on_a_terminal_cleared_in_the_end():
    with redirect_stderr(Terminal()) as terminal:
        work(0.11, [1, 1], verbose=1)
    start, first, second, end = terminal.getvalue().split(CLEAR)
    assert start == end == ""
    assert first == "work: 0 % (0 s)"
    assert re.fullmatch(r"work: 50 % \(\d+ s, about \d+ s left\)", second)


def test_terminal_is_not_flooded():
    start = time.monotonic()
    with redirect_stderr(Terminal()) as terminal:
        work(0.0001, [1] * 1000, verbose=1)
    seconds = time.monotonic() - start
    # A line each tenth of a second at most; one at the start, one to clear it.
    assert terminal.getvalue().count(CLEAR) <= 10 * seconds + 2


def test_line_is_not_wider_than_the_terminal(monkeypatch):
    monkeypatch.setenv("COLUMNS", "8")
    with redirect_stderr(Terminal()) as terminal:
        with Progress(1, "a long label", verbose=1):
            pass
    assert terminal.getvalue() == f"{CLEAR}a long {CLEAR}"


def test_interruption_clears_the_line():
    with redirect_stderr(Terminal()) as terminal, pytest.raises(KeyboardInterrupt):
        with Progress(2, "work", verbose=1):
            raise KeyboardInterrupt
    assert terminal.getvalue().endswith(CLEAR)


def test_interruption_is_no_completion(lines):
    (line,) = (line for line in lines if line.startswith("part"))
    # What is left takes three times as long.
    seconds, left = map(
        int, re.fullmatch(r"part: 25 % \((\d+) s, about (\d+) s left\)", line).groups()
    )
    assert seconds >= 5
    assert left == pytest.approx(3 * seconds, abs=2)


def test_no_work_at_all():
    with redirect_stderr(Terminal()) as terminal:
        work(0, [], verbose=1)
    assert terminal.getvalue() == f"{CLEAR}work: 100 % (0 s){CLEAR}"


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0, "0 s"), (119, "119 s"), (120, "2 min"), (7199, "120 min"), (9000, "2.5 h")],
)
def test_durations(seconds, text):
    assert _progress._duration(seconds) == text


def test_lines_in_place_of_progress():
    for file, expected in (
        (StringIO(), "a line\n"),
        (Terminal(), f"{CLEAR}a line\n"),
    ):
        with redirect_stderr(file):
            say("a line")
        assert file.getvalue() == expected


def test_without_standard_error(monkeypatch, capsys):
    monkeypatch.setattr(sys, "stderr", None)
    say("a line")
    with Progress(1, "work", verbose=1) as progress:
        progress.advance()
    assert capsys.readouterr().out == ""
