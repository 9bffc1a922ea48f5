"""Archives (zip), in which NumPy and PyTorch keep arrays: what is safe to open."""

import zipfile

from .limits import LARGEST_HEADER

# What ends an archive, with its comment, lies in so many bytes.
TAIL_BYTES = 22 + 2**16 + 76
END, LARGE_END = b"PK\5\6", b"PK\6\6"


def open_archive(path, rule):
    """Archive whose entries are stored as they are or deflated, or raise the rule."""
    if not zipfile.is_zipfile(path):
        raise ValueError(rule)
    _check_directory(path)
    archive = zipfile.ZipFile(path)
    for entry in archive.infolist():
        known = entry.compress_type in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
        if not known or entry.flag_bits & 1:
            archive.close()
            raise ValueError(
                f"{entry.filename} is encrypted or compressed in a way that is not "
                "known here."
            )
    return archive


def _check_directory(path):
    """Raise where the list of entries would take more memory than a list should."""
    size = path.stat().st_size
    with open(path, "rb") as file:
        file.seek(max(0, size - TAIL_BYTES))
        tail = file.read()
    end, large = tail.rfind(END), tail.rfind(LARGE_END)
    n_bytes = int.from_bytes(tail[end + 12 : end + 16], "little")
    if n_bytes == 2**32 - 1 and large >= 0:
        n_bytes = int.from_bytes(tail[large + 40 : large + 48], "little")
    if n_bytes > LARGEST_HEADER:
        raise ValueError(
            f"its list of entries has {n_bytes} bytes; at most {LARGEST_HEADER} are "
            "read."
        )


def offset_of(path, entry):
    """Where the content of an entry begins: behind a header of its own."""
    with open(path, "rb") as file:
        file.seek(entry.header_offset)
        header = file.read(30)
    lengths = [int.from_bytes(header[i : i + 2], "little") for i in (26, 28)]
    return entry.header_offset + 30 + sum(lengths)
