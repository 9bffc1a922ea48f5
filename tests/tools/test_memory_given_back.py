"""Freed memory goes back to the system."""

import subprocess
import sys

import pytest

# Blocks too small for a mapping of their own, freed but for the last one.
SCRIPT = """
from pathlib import Path
import numpy as np
from skdse._tools.memory import give_back_memory

def resident():
    lines = Path("/proc/self/status").read_text().splitlines()
    return int(next(one for one in lines if one.startswith("VmRSS")).split()[1])

blocks = [np.ones(12_000) for _ in range(2000)]
last = np.ones(12_000)
full = resident()
del blocks
freed = resident()
give_back_memory()
print(full - freed, full - resident())
"""


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_what_the_allocator_keeps_goes_back():
    found = subprocess.run(
        [sys.executable, "-c", SCRIPT], capture_output=True, text=True, check=True
    )
    before, after = map(int, found.stdout.split())
    # 2000 blocks of 96 kB are 187,500 KiB; pages in part used stay.
    assert before < 50_000 and after > 170_000


def test_other_libraries_of_c_are_let_be(monkeypatch):
    from skdse._tools import memory

    def other(name):
        raise OSError(name)

    monkeypatch.setattr(memory.ctypes, "CDLL", other)
    memory._trim.cache_clear()
    memory.give_back_memory()
    memory._trim.cache_clear()
