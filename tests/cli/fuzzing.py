"""Damaged files for the readers: ``python fuzzing.py FIRST LAST [KIND ...]``.

Each input is a good file with some bytes changed, cut, inserted or made of numbers that
are too large. A reader must read it or refuse it by an InputError, with little memory.
What happens otherwise is printed, and the last line of what was begun tells a crash.
"""

import json
import os
import re
import shutil
import sys
import time
import warnings
import zlib
from pathlib import Path

import numpy as np
from samples_on_disk import KINDS

from skdse._cli.errors import InputError
from skdse._cli.files import find_labels, find_sources, read_labels, read_samples

MOST_BYTES = 100e6
MOST_SECONDS = 20
NUMBERS = [0, 1, 2**31 - 1, 2**32 - 1, 2**63 - 1, 2**64 - 1, 10**12, 10**6]


def flipped(content, rng):
    for place in rng.integers(0, len(content), rng.integers(1, 17)):
        content[place] ^= 1 << rng.integers(8)


def overwritten(content, rng):
    place, n = rng.integers(0, len(content)), int(rng.choice([1, 2, 4, 8]))
    number = int(rng.choice(np.array(NUMBERS, dtype=object))) % 256**n
    order = ["little", "big"][rng.integers(2)]
    content[place : place + n] = number.to_bytes(n, order)


def cut(content, rng):
    del content[rng.integers(0, len(content)) :]


def removed(content, rng):
    place = rng.integers(0, len(content))
    del content[place : place + rng.integers(1, 64)]


def inserted(content, rng):
    place = rng.integers(0, len(content))
    content[place:place] = rng.bytes(rng.integers(1, 64))


def repeated(content, rng):
    place = rng.integers(0, len(content))
    content[place:place] = content[place : place + rng.integers(1, 4096)]


def zeroed(content, rng):
    place, n = rng.integers(0, len(content)), rng.integers(1, 256)
    content[place : place + n] = bytes(len(content[place : place + n]))


def enlarged(content, rng):
    found = list(re.finditer(rb"\d+", bytes(content[:4096])))
    if found:
        one = found[rng.integers(len(found))]
        number = rng.choice(
            [b"1000000000000", b"-1", b"0", b"9" * 300, b"1e9", b"[[]]"]
        )
        content[one.start() : one.end()] = number


def headed(content, rng):
    content[: rng.integers(1, 16)] = rng.choice(
        [
            b"PK\3\4",
            b"\x93NUMPY\3\0\xff\xff\xff\xff",
            b"ARROW1\0\0",
            b"PAR1",
            b"",
            b"\xff\xfe",
        ]
    )


CHANGES = [
    *(flipped, flipped, overwritten, overwritten, enlarged, enlarged),
    *(cut, removed, inserted, repeated, zeroed, headed),
]


def damage(path, rng):
    """Change a file, or one of the files of a folder, once or several times."""
    files = [path]
    if path.is_dir():
        files = sorted(one for one in path.rglob("*") if one.is_file())
    file = files[rng.integers(len(files))]
    content = bytearray(file.read_bytes())
    for _ in range(rng.choice([1, 1, 1, 2, 4])):
        if content:
            CHANGES[rng.integers(len(CHANGES))](content, rng)
    file.write_bytes(content)


def peak():
    """Largest resident memory in bytes since it was last asked for, where known."""
    try:
        found = re.search(r"VmHWM:\s+(\d+)", Path("/proc/self/status").read_text())
        Path("/proc/self/clear_refs").write_text("5")
    except OSError:
        return 0
    return 1024 * int(found[1])


def read(name, labels):
    """Read what is in a file, to the last number; whether there was anything."""
    for source in find_sources([name]):
        Z, *_ = read_samples(source)
        np.asarray(Z).sum(dtype=float)
    if labels is not None:
        np.unique(np.asarray(read_labels(*find_labels(f"{name}:{labels}"))))


def outcome(name, labels):
    """What became of an input: "read", "refused", or what should not have been."""
    peak()
    before, start = peak(), time.monotonic()
    try:
        read(name, labels)
        found = "read"
    except InputError as error:
        is_line = str(error).isprintable() and len(str(error)) < 500
        found = "refused" if is_line else f"not a line: {error!r}"
    except BaseException as error:
        found = f"{type(error).__name__}: {error}"
    seconds, n_bytes = time.monotonic() - start, peak() - before
    if n_bytes > MOST_BYTES:
        found = f"{n_bytes / 1e6:.0f} MB"
    return f"{seconds:.0f} s" if seconds > MOST_SECONDS else found


def fuzz(first, last, kinds):
    """Number of inputs of each kind that were read and refused, and what went wrong."""
    warnings.simplefilter("ignore")
    r = np.random.default_rng(0)
    Z, y = r.normal(size=(60, 4)), np.arange(60) % 3
    counts, wrong = {}, []
    for kind in kinds:
        name, write, _, labels = KINDS[kind]
        write(Path("good", name), Z, y)
        counts[kind] = {"read": 0, "refused": 0}
        outcome(f"good/{name}", labels)  # imports
        assert outcome(f"good/{name}", labels) == "read"
        for i in range(first, last):
            print(f"{kind} {i}", file=sys.stderr, flush=True)
            copy = shutil.copytree if Path("good", name).is_dir() else shutil.copy
            copy(Path("good", name), name)
            rng = np.random.default_rng([zlib.crc32(kind.encode()), i])
            damage(Path(name), rng)
            found = outcome(name, labels)
            if found in counts[kind]:
                counts[kind][found] += 1
            else:
                wrong.append([kind, i, found[:300]])
            shutil.rmtree(name) if os.path.isdir(name) else os.remove(name)
    return counts, wrong


if __name__ == "__main__":
    os.makedirs("good", exist_ok=True)
    print(
        json.dumps(
            fuzz(int(sys.argv[1]), int(sys.argv[2]), sys.argv[3:] or list(KINDS))
        )
    )
