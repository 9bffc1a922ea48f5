"""Routines of LAPACK that let other threads run, as SciPy's own calls of them do not.

SciPy exports LAPACK to C by its public module ``scipy.linalg.cython_lapack``. A call by
ctypes gives the interpreter's lock back while it runs.
"""

import ctypes
from functools import cache

import numpy as np
from scipy import LowLevelCallable
from scipy.linalg import cython_lapack, eig_banded

_CHAR, _INT = ctypes.c_char_p, ctypes.POINTER(ctypes.c_int)
_NUMBERS = ctypes.c_void_p
# The parameters of each routine, in order.
ROUTINES = {
    "dsbevd": [
        *[_CHAR, _CHAR, _INT, _INT, _NUMBERS, _INT, _NUMBERS, _NUMBERS, _INT],
        *[_NUMBERS, _INT, _INT, _INT, _INT],
    ],
    "dsterf": [_INT, _NUMBERS, _NUMBERS, _INT],
    "ssytrd": [_CHAR, _INT, _NUMBERS, _INT, *4 * [_NUMBERS], _INT, _INT],
}
# Columns that a reduction to a tridiagonal takes at a time, at most.
_PANEL = 64


def eigenvalues_of_band(band):
    """Eigenvalues, ascending, of a symmetric band in LAPACK's lower form, in float64.

    The band (width + 1, n) may be overwritten.
    """
    if not are_callable("dsbevd"):
        return eig_banded(band, lower=True, eigvals_only=True, check_finite=False)
    rows, n = band.shape
    ab = np.asfortranarray(band, dtype=np.float64)
    values, work = np.empty(n), np.empty(max(1, 2 * n))
    given = n, rows - 1, ab, rows
    _call("dsbevd", b"N", b"L", *given, values, None, 1, work, len(work), 0, 1)
    return values


def eigenvalues_by_tridiagonal(A):
    """Eigenvalues, ascending, of a symmetric matrix in float32, in float64.

    A is C-ordered. Of its lower triangle all is used and overwritten; the rest is not
    looked at.
    """
    n = len(A)
    diagonal, tau, work = (np.empty(m, np.float32) for m in (n, n, _PANEL * n))
    beside = np.zeros(n, np.float32)  # the last one is not written
    # Its lower triangle is the upper one of LAPACK, which counts by columns.
    _call("ssytrd", b"U", n, A, n, diagonal, beside, tau, work, len(work))
    values, beside = diagonal.astype(np.float64), beside.astype(np.float64)
    _call("dsterf", n, values, beside)
    return values


def are_callable(*names):
    """Whether SciPy's LAPACK has the integers that calls of these routines pass."""
    return all(_routine(name) is not None for name in names)


def _call(name, *args):
    """Call a routine with numbers and arrays, and raise if its info tells an error."""
    info = ctypes.c_int(0)
    by_reference = [
        ctypes.byref(ctypes.c_int(arg))
        if isinstance(arg, int)
        else arg.ctypes.data
        if isinstance(arg, np.ndarray)
        else arg
        for arg in args
    ]
    _routine(name)(*by_reference, ctypes.byref(info))
    if info.value:
        raise np.linalg.LinAlgError(f"{name} failed with info={info.value}.")


@cache
def _routine(name):
    """A routine as a function of ctypes; None where its integers are others."""
    kinds = ROUTINES[name]
    capsule = LowLevelCallable.from_cython(cython_lapack, name)
    if capsule.signature.count("int *") != kinds.count(_INT):
        return None
    pointer = ctypes.PYFUNCTYPE(ctypes.c_void_p, ctypes.py_object, ctypes.c_char_p)
    pointer = pointer(("PyCapsule_GetPointer", ctypes.pythonapi))
    address = pointer(capsule.function, capsule.signature.encode())
    return ctypes.CFUNCTYPE(None, *kinds)(address)
