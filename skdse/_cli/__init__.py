"""The command line: ``skdse`` and ``python -m skdse``."""

from .arguments import main

__all__ = ["main"]
