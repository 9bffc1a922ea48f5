"""A routine of LAPACK that lets other threads run, as SciPy's own call of it does not.

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


def eigenvalues_of_band(band):
    """Eigenvalues, ascending, of a symmetric band in LAPACK's lower form, in float64.

    The band (width + 1, n) may be overwritten.
    """
    function = _dsbevd()
    if function is None:
        return eig_banded(band, lower=True, eigvals_only=True, check_finite=False)
    rows, n = band.shape
    ab = np.asfortranarray(band, dtype=np.float64)
    values, work, iwork = np.empty(n), np.empty(max(1, 2 * n)), np.empty(1, np.intc)
    info = ctypes.c_int(0)
    integers = [ctypes.c_int(i) for i in (n, rows - 1, rows, 1, len(work), 1)]
    size, width, height, one, n_work, n_iwork = map(ctypes.byref, integers)
    numbers = (array.ctypes.data for array in (ab, values, work, iwork))
    at_ab, at_values, at_work, at_iwork = numbers
    head = b"N", b"L", size, width, at_ab, height, at_values
    function(*head, None, one, at_work, n_work, at_iwork, n_iwork, ctypes.byref(info))
    if info.value:
        raise np.linalg.LinAlgError(f"dsbevd failed with info={info.value}.")
    return values


@cache
def _dsbevd():
    """LAPACK's dsbevd as a function of ctypes; None where its integers are others."""
    capsule = LowLevelCallable.from_cython(cython_lapack, "dsbevd")
    if capsule.signature.count(", int *") != 8:
        return None
    kinds = ctypes.c_void_p, ctypes.py_object, ctypes.c_char_p
    pointer = ctypes.PYFUNCTYPE(*kinds)(("PyCapsule_GetPointer", ctypes.pythonapi))
    address = pointer(capsule.function, capsule.signature.encode())
    kinds = [_CHAR, _CHAR, _INT, _INT, _NUMBERS, _INT, _NUMBERS, _NUMBERS, _INT]
    kinds += [_NUMBERS, _INT, _NUMBERS, _INT, _INT]
    return ctypes.CFUNCTYPE(None, *kinds)(address)
