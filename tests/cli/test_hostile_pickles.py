"""Files of PyTorch that would run code or take memory and time: one line each."""

import io
import os
import pickle
import zipfile
from pathlib import Path

import numpy as np
import pytest
from fuzzing import outcome
from hostile import HUGE, Bomb, refusal
from samples_on_disk import write_pt

from skdse._cli.files import find_sources, read_samples

pytestmark = pytest.mark.usefixtures("nothing_was_run")

# Code
# ----


def archive_of_torch(content, name="a.pt", **entries):
    """Archive as torch.save makes it, with a pickle of other content."""
    with zipfile.ZipFile(name, "w") as archive:
        archive.writestr("a/data.pkl", content)
        for entry, numbers in entries.items():
            archive.writestr(f"a/{entry.replace('_', '/')}", numbers)
    return name


@pytest.mark.parametrize(
    "content",
    [
        pickle.dumps({"Z": Bomb()}, 2),
        pickle.dumps({"Z": Bomb()}, 4),
        pickle.dumps({"Z": io.BytesIO}, 2),
        b"cos\nsystem\n(S'mkdir harm'\ntR.",
        b"(S'mkdir harm'\nios\nsystem\n.",
        b"\x80\x02ctorch.serialization\nload\n(X\x01\x00\x00\x00atR.",
        b"ctorch\nSize\n(ctorch\nFloatStorage\nI5\ntR.",
        b"ctorch\nuint16\n(I5\ntR.",
        b"ctorch._tensor\n_rebuild_from_type_v2\n(cos\nsystem\nNN)tR.",
        b"ctorch._tensor\n_rebuild_from_type_v2\n(ctorch\nSize\nN(I5\ntNtR.",
        b"c__builtin__\nset\n(tR(S'x'\nS'y'\ndb.",
        b"\x82\x01.",
    ],
)
def test_pickles_of_torch(content):
    archive_of_torch(content)
    assert refusal("a.pt").startswith("a.pt: ")


def test_more_than_tensors_has_a_way_out():
    message = refusal(archive_of_torch(pickle.dumps({"Z": Bomb()}, 2)))
    assert message.startswith(
        f"a.pt: holds more than tensors: {os.name}.mkdir. Reading"
    )
    assert "torch.save(model.state_dict(), file)" in message


def test_older_files_of_torch_are_pickles():
    Path("a.pt").write_bytes(pickle.dumps(Bomb(), 2))
    assert "since PyTorch 1.6" in refusal("a.pt")


# Work and memory without end
# ---------------------------


def test_pickles_that_make_objects_without_end():
    archive_of_torch(b"\x80\x02" + b"]" * 4_000_000 + b".")
    assert "too many objects" in refusal("a.pt")
    archive_of_torch(b"\x80\x02]r\xff\xff\xff\x7f.")
    assert "too many objects" in refusal("a.pt")
    archive_of_torch(bytes(5_000_000))
    assert "its pickle has 5000000 bytes" in refusal("a.pt")
    # Each of 40 lists has the one before it twice.
    lists = b"]q\0" + b"".join(b"](h%ch%ceq%c" % (k, k, k + 1) for k in range(40))
    archive_of_torch(b"\x80\x02" + lists + b".")
    assert "no array of two dimensions" in refusal("a.pt")


LONG = b"(" + b"N" * 200_000 + b"tq\0"  # a tuple, as number 0
# Each of 60 tuples has the one before it twice.
NESTED = b"(K\1K\1tq\0000" + b"".join(
    b"(h%ch%ctq%c0" % (k, k, k + 1) for k in range(60)
)
NESTED += b"h\x3c"


@pytest.mark.parametrize(
    ("content", "message"),
    [
        # As the shape of tensors, as arguments and as attributes.
        (LONG + b"ctorch\nSize\n(h\0tR" * 200, "too many objects"),
        (LONG + b"ctorch\ndevice\nh\0R" * 200, "too many objects"),
        (
            b"}q\0(" + b"".join(b"X\5\0\0\0%05dN" % k for k in range(99_999)) + b"u"
            b"(" + b"ccollections\nOrderedDict\n)Rh\0b" * 200 + b"l",
            "no array",
        ),
        # What would be hashed, or made a text, for years.
        (b"}" + NESTED + b"Ns", "too many objects"),
        (b"(" + NESTED + b"\x91", "too many objects"),
        (b"(U\7storagectorch\nFloatStorage\n" + NESTED + b"U\3cpuK\1tQ", "too many"),
        (b"}\x8b\0\0\3\0" + b"\1" * 196_608 + b"q\0" + b"Nsh\0" * 9000, "too many"),
        (b"N" + b"0" * 3, "its pickle is damaged"),
        (b"(Nq\0(q\1", "its pickle is damaged"),
    ],
)
def test_pickles_that_copy_or_hash_without_end(content, message):
    archive_of_torch(b"\x80\2" + content + b".")
    assert message in refusal("a.pt")


def test_names_of_tensors_without_end():
    tensor = tensor_pickle((4, 4), (4, 1), 0)[2:-1]
    key = b"X\0\1\0\0" + b"k" * 256 + b"q\0"
    content = b"\x80\2}" + key + b"}h\0" * 5 + tensor + b"s" * 6 + b"."
    archive_of_torch(content, data_0=bytes(64))
    assert "a name of over 1000 characters" in refusal("a.pt")


@pytest.mark.parametrize(
    ("size", "stride", "offset", "message"),
    [
        ((HUGE, 4), (4, 1), 0, "declares an array of shape"),
        ((4, 4), (HUGE, 1), 0, "reaches beyond its storage"),
        ((4, 4), (4, 1), 1, "reaches beyond its storage"),
        ((4, 4), (4, 1), HUGE, "reaches beyond its storage"),
        ((HUGE, HUGE), (0, 0), 0, "declares an array of shape"),
        ((4, 4), (-4, 1), 12, "describes no tensor"),
        ((4, 4), (1,), 0, "describes no tensor"),
        ((4.0, 4), (4, 1), 0, "describes no tensor"),
        ((1,) * 65, (1,) * 65, 0, "describes no tensor"),
    ],
)
def test_tensors_that_are_not_in_their_storage(size, stride, offset, message):
    archive_of_torch(tensor_pickle(size, stride, offset), data_0=bytes(64))
    assert message in refusal("a.pt")


def tensor_pickle(size, stride, offset):
    """Pickle of a tensor of float32 of a storage named 0, as torch.save makes it."""

    def pickled(value):
        return pickle.dumps(value, 2)[2:-1]

    storage = [pickled(one) for one in ("0", "cpu", 16)]
    return (
        b"\x80\x02ctorch._utils\n_rebuild_tensor_v2\n(("
        + pickled("storage")
        + b"ctorch\nFloatStorage\n"
        + b"".join(storage)
        + b"tQ"
        + b"".join(pickled(one) for one in (offset, size, stride, False))
        + b"ccollections\nOrderedDict\n)RtR."
    )


def test_the_pickle_of_a_tensor_is_that_of_torch():
    # The tests above would pass with any other.
    archive_of_torch(
        tensor_pickle((4, 4), (4, 1), 0), data_0=np.eye(4, dtype="f").tobytes()
    )
    (source,) = find_sources(["a.pt"])
    np.testing.assert_array_equal(read_samples(source)[0], np.eye(4))
    archive_of_torch(tensor_pickle((4, 4), (4, 1), 0))
    assert "a storage is missing" in refusal("a.pt")
    pytest.importorskip("torch")
    write_pt("b.pt", np.eye(4), np.ones(4))
    assert outcome("b.pt", None) == "read"
