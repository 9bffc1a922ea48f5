"""Memory that is free, given back to the system."""

import ctypes
from functools import cache


def give_back_memory():
    """Give memory that was freed back to the system, where the C library can.

    glibc keeps most of it for later, without a limit: work on array after array makes
    a process ever larger.
    """
    trim = _trim()
    if trim is not None:
        trim(0)


@cache
def _trim():
    """Return glibc's function, or None."""
    try:
        return ctypes.CDLL(None).malloc_trim
    except (AttributeError, OSError, TypeError):  # another C library, or Windows
        return None
