"""Doctests that need an optional package are collected where it is installed."""

from importlib.util import find_spec

collect_ignore = []
if find_spec("torch") is None:
    collect_ignore += ["skdse/differentiable.py", "doc/guide/networks.rst"]
