"""Progress of long work."""

import sys

import pytest

from skdse._tools import progress as _progress
from skdse._tools.progress import CLEAR, Progress, say


@pytest.fixture
def clock(monkeypatch):
    """Clock that is moved by adding to its only item."""
    now = [0.0]
    monkeypatch.setattr(_progress, "monotonic", lambda: now[0])
    return now


@pytest.fixture
def terminal(capsys, monkeypatch):
    """Make standard error a terminal, and return a function that reads it."""
    monkeypatch.setattr(_progress, "on_terminal", lambda: True)
    return lambda: capsys.readouterr().err


def work(clock, seconds, steps, **options):
    with Progress(len(steps), "work", **options) as progress:
        for n in steps:
            clock[0] += seconds
            progress.advance(n)


def test_lines_of_seconds_apart_where_nobody_watches(clock, capsys):
    work(clock, 2, [1] * 5, verbose=1)
    # After 6 s; the next would be due after 11 s.
    assert capsys.readouterr().err.splitlines() == [
        "work: 60 % (6 s, about 4 s left)",
        "work: 100 % (10 s)",
    ]


def test_short_work_says_nothing(clock, capsys):
    work(clock, 0.5, [1] * 5, verbose=1)
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize("total", [0, 3])
def test_silent_unless_verbose(clock, terminal, total):
    work(clock, 100, [1] * total)
    assert terminal() == ""


def test_one_line_on_a_terminal_cleared_in_the_end(clock, terminal):
    work(clock, 10, [1, 1], verbose=1)
    assert terminal().split(CLEAR) == [
        "",
        "work: 0 % (0 s)",
        "work: 50 % (10 s, about 10 s left)",
        "",
    ]


def test_terminal_is_not_flooded(clock, terminal):
    work(clock, 0.001, [1] * 1000, verbose=1)
    assert terminal().count(CLEAR) < 15


def test_line_is_not_wider_than_the_terminal(clock, terminal, monkeypatch):
    monkeypatch.setenv("COLUMNS", "8")
    with Progress(1, "a long label", verbose=1):
        pass
    assert terminal() == f"{CLEAR}a long {CLEAR}"


def test_interruption_clears_the_line(clock, terminal):
    with pytest.raises(KeyboardInterrupt), Progress(2, "work", verbose=1):
        raise KeyboardInterrupt
    assert terminal().endswith(CLEAR)


def test_interruption_is_no_completion(clock, capsys):
    with pytest.raises(KeyboardInterrupt), Progress(4, "work", verbose=1) as progress:
        clock[0] += 8
        progress.advance()
        raise KeyboardInterrupt
    assert capsys.readouterr().err == "work: 25 % (8 s, about 24 s left)\n"


def test_no_work_at_all(clock, terminal):
    work(clock, 1, [], verbose=1)
    assert terminal() == f"{CLEAR}work: 100 % (0 s){CLEAR}"


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0, "0 s"), (119, "119 s"), (120, "2 min"), (7199, "120 min"), (9000, "2.5 h")],
)
def test_durations(seconds, text):
    assert _progress._duration(seconds) == text


def test_lines_in_place_of_progress(capsys, monkeypatch):
    say("a line")
    assert capsys.readouterr().err == "a line\n"
    monkeypatch.setattr(_progress, "on_terminal", lambda: True)
    say("a line")
    assert capsys.readouterr().err == f"{CLEAR}a line\n"


def test_without_standard_error(monkeypatch, capsys):
    monkeypatch.setattr(sys, "stderr", None)
    say("a line")
    with Progress(1, "work", verbose=1) as progress:
        progress.advance()
    assert capsys.readouterr().out == ""
