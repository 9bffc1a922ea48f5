"""A lock that processes wait for, and files that are whole at any moment."""

import os
import time
from contextlib import contextmanager, suppress
from pathlib import Path

from .._tools.progress import say

PAUSE = 0.1


@contextmanager
def locked(path):
    """Hold the lock of a file, after those that hold it already.

    The system gives it back when a process ends, however it ends.
    """
    lock = _beside(path, "lock")
    descriptor = _taken(lock, path)
    try:
        yield
    finally:
        # Whoever waits for it sees that it is gone, and makes another one. Windows
        # removes no file that is open.
        if os.name != "nt":
            lock.unlink(missing_ok=True)
        os.close(descriptor)
        if os.name == "nt":
            with suppress(OSError):
                lock.unlink()


def _beside(path, ending):
    """Hidden file beside a file, whatever links lead there."""
    path = Path(os.path.realpath(path))
    return path.with_name(f".{path.name}.{ending}")


def _taken(lock, path):
    """Descriptor of the lock, as soon as it is free."""
    is_told = False
    while True:
        descriptor = os.open(lock, os.O_CREAT | os.O_RDWR, 0o600)
        if _try_lock(descriptor) and _is_at(lock, descriptor):
            return descriptor
        os.close(descriptor)
        if not is_told:
            say(f"skdse: waiting for another report, which writes {path}.")
        is_told = True
        time.sleep(PAUSE)


def _try_lock(descriptor):
    """Whether the lock was free, and is ours now."""
    try:
        import fcntl
    except ImportError:  # Windows
        import msvcrt

        try:
            msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
        except OSError:
            return False
        return True
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _is_at(lock, descriptor):
    """Whether the file of a descriptor is still that of the name."""
    try:
        return os.path.samestat(os.stat(lock), os.fstat(descriptor))
    except FileNotFoundError:
        return False


def replace_file(path, content):
    """Write a file beside, and put it in place of another one in a single step."""
    path, part = os.path.realpath(path), _beside(path, "part")
    with open(part, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    if os.path.exists(path):
        os.chmod(part, os.stat(path).st_mode)
    os.replace(part, path)
