"""Progress of long work: lines on standard error."""

import sys
from shutil import get_terminal_size
from threading import Lock
from time import monotonic

CLEAR = "\r\033[K"  # back to the start of the line, and clear it


def on_terminal():
    """Whether somebody may be watching standard error."""
    # There is none where a program has no console.
    return sys.stderr is not None and sys.stderr.isatty()


def say(text):
    """Print a line on standard error, in place of one of progress."""
    if sys.stderr is not None:
        print(f"{CLEAR if on_terminal() else ''}{text}", file=sys.stderr, flush=True)


class Progress:
    """Share of steps done and time left, one line that the next one replaces.

    Where standard error is no terminal: a line every few seconds. Steps may be
    advanced from several threads.
    """

    def __init__(self, total, label, verbose=0):
        self.total = total
        self.label = label
        self.verbose = verbose
        self.done = 0
        self._lock = Lock()

    def __enter__(self):
        self._terminal = on_terminal()
        self._pause = 0.1 if self._terminal else 5.0
        self._start = self._shown = monotonic()
        self._lines = 0
        if self.verbose and self._terminal:
            self._show(self._start)
        return self

    def advance(self, n=1):
        """Count n more steps as done."""
        with self._lock:
            self.done += n
            now = monotonic()
            late = now - self._shown >= self._pause and self.done < self.total
            if self.verbose and late:
                self._show(now)

    def __exit__(self, kind, error, traceback):
        if self.verbose and self._terminal:
            print(CLEAR, end="", file=sys.stderr, flush=True)
        elif self._lines and kind is None:
            self._show(monotonic())

    def _show(self, now):
        """Print the state, at most a line wide."""
        self._shown, self._lines = now, self._lines + 1
        text = self._text(now - self._start)
        if not self._terminal:
            say(text)
        else:
            text = CLEAR + text[: get_terminal_size().columns - 1]
            print(text, end="", file=sys.stderr, flush=True)

    def _text(self, elapsed):
        """Return the state after some seconds."""
        share = min(self.done / self.total, 1) if self.total else 1
        left = ""
        if 0 < share < 1:
            left = f", about {_duration(elapsed * (1 - share) / share)} left"
        return f"{self.label}: {int(100 * share)} % ({_duration(elapsed)}{left})"


def _duration(seconds):
    """Time as text: seconds, minutes or hours."""
    if seconds < 120:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 7200 else f"{seconds / 3600:.1f} h"
