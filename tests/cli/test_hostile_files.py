"""Files that would run code, read other files or fill the memory: one line each."""

import io
import json
import os
import pickle
import struct
import zipfile
from pathlib import Path

import numpy as np
import pytest
from commands import error
from fuzzing import outcome
from samples_on_disk import write_arrow, write_pt, write_zarr

from skdse._cli.errors import InputError
from skdse._cli.files import find_sources, read_samples

HUGE = 10**12
CODE = "could run any code"


class Bomb:
    """What leaves a file behind when it is unpickled."""

    def __reduce__(self):
        return os.mkdir, ("harm",)


@pytest.fixture(autouse=True)
def _nothing_was_run(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    yield
    assert not Path("harm").exists()


def refusal(name):
    """Message with which a file is refused, soon and in little memory."""
    assert outcome(name, None) == "refused"
    with pytest.raises(InputError) as info:
        for source in find_sources([name]):
            read_samples(source)
    return str(info.value)


# Code
# ----


def test_the_bomb_goes_off():
    # The tests below would pass if it did not.
    pickle.loads(pickle.dumps(Bomb()))
    Path("harm").rmdir()


def test_pickles_of_numpy(capsys):
    np.save("a.npy", np.array([[Bomb(), 1]], dtype=object), allow_pickle=True)
    assert CODE in refusal("a.npy")
    np.savez("a.npz", Z=np.array([[Bomb(), 1]], dtype=object), allow_pickle=True)
    assert CODE in refusal("a.npz:Z")
    np.save("Z.npy", np.eye(2))
    message = error(capsys, "Z.npy", "--labels", "a.npy")
    assert message.startswith("a.npy: holds Python objects, ")
    assert "numpy.save(file, array.astype(str))" in message


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


@pytest.mark.parametrize("suffix", ["parquet", "feather"])
def test_types_of_arrow_that_are_pickles(suffix):
    pyarrow = pytest.importorskip("pyarrow")
    feather = pytest.importorskip("pyarrow.feather")
    parquet = pytest.importorskip("pyarrow.parquet")
    metadata = {
        "ARROW:extension:name": "arrow.py_extension_type",
        "ARROW:extension:metadata": pickle.dumps(Bomb()),
    }
    numbers = pyarrow.array([[1.0, 2.0], [3.0, 4.0]])
    field = pyarrow.field("Z", numbers.type, metadata=metadata)
    table = pyarrow.table([numbers], pyarrow.schema([field]))
    if suffix == "parquet":
        parquet.write_table(table, "a.parquet")
    else:
        feather.write_feather(table, "a.feather")
    for name in (f"a.{suffix}", f"a.{suffix}:Z"):
        assert CODE in refusal(name)


def zarr_with(version, **changes):
    """Array of Zarr whose description is changed."""
    write_zarr("a.zarr", np.eye(4), np.ones(4), version)
    file = Path("a.zarr/Z", ".zarray" if version == 2 else "zarr.json")
    file.write_text(json.dumps(json.loads(file.read_text()) | changes))
    return "a.zarr:Z"


PICKLE = {"id": "pickle", "protocol": 4}
BYTES = {"name": "bytes", "configuration": {"endian": "little"}}


@pytest.mark.parametrize(
    ("version", "changes", "message"),
    [
        (2, {"dtype": "|O", "filters": [PICKLE]}, CODE),
        (2, {"filters": [PICKLE]}, "'pickle'"),
        (2, {"compressor": PICKLE}, "'pickle'"),
        (2, {"compressor": {"id": "lzma"}}, "'lzma'"),
        (2, {"dtype": "|O"}, CODE),
        (2, {"dtype": [["a", "|O"]]}, "not known here"),
        (3, {"codecs": [{"name": "numcodecs.pickle"}, BYTES]}, "'numcodecs.pickle'"),
        (
            3,
            {
                "codecs": [
                    {
                        "name": "sharding_indexed",
                        "configuration": {"codecs": [{"name": "numcodecs.pickle"}]},
                    }
                ]
            },
            "'numcodecs.pickle'",
        ),
        (3, {"storage_transformers": [{"name": "x"}]}, "not read"),
        (3, {"data_type": {"name": "numcodecs.pickle"}}, "not known here"),
    ],
)
def test_codecs_of_zarr(version, changes, message):
    assert message in refusal(zarr_with(version, **changes))


def test_a_pickle_of_zarr_is_not_read():
    name = zarr_with(2, dtype="|O", filters=[PICKLE], compressor=None)
    for chunk in Path("a.zarr/Z").iterdir():
        if not chunk.name.startswith("."):
            chunk.write_bytes(pickle.dumps(Bomb()))
    assert CODE in refusal(name)


# Other files
# -----------


def test_links_of_zarr():
    write_zarr("a.zarr", np.eye(4), np.ones(4))
    chunk = next(one for one in Path("a.zarr/Z").iterdir() if one.name[0] != ".")
    chunk.rename("secret")
    try:
        chunk.symlink_to(Path("secret").absolute())
    except OSError:
        pytest.skip("needs links")
    assert "is a link" in refusal("a.zarr:Z")
    write_zarr("b.zarr", np.eye(4), np.ones(4))
    assert "lies outside of the folder" in refusal("b.zarr:../a.zarr/Z")


def test_what_hdf5_reads_elsewhere():
    h5py = pytest.importorskip("h5py")
    with h5py.File("other.h5", "w") as file:
        file["Z"] = np.eye(4)
    with h5py.File("a.h5", "w") as file:
        file["link"] = h5py.ExternalLink("other.h5", "Z")
        file["soft"] = h5py.SoftLink("/link")
    assert "'link' is an external link" in refusal("a.h5")
    assert "'link' is an external link" in refusal("a.h5:link")
    assert "a.h5:soft: " in refusal("a.h5:soft")
    with h5py.File("b.h5", "w") as file:
        layout = h5py.VirtualLayout((4, 4), "f8")
        layout[:] = h5py.VirtualSource("other.h5", "Z", (4, 4))
        file.create_virtual_dataset("Z", layout)
    assert "'Z' is a virtual dataset" in refusal("b.h5")
    assert "'Z' is a virtual dataset" in refusal("b.h5:Z")
    Path("secret").write_bytes(bytes(128))
    with h5py.File("c.h5", "w") as file:
        file.create_dataset("Z", (4, 4), "f8", external=[("secret", 0, 128)])
    assert "'Z' has external storage" in refusal("c.h5")


def test_plug_ins_of_hdf5():
    h5py = pytest.importorskip("h5py")
    with h5py.File("a.h5", "w") as file:
        file.create_dataset(
            "Z",
            (4, 4),
            "f8",
            chunks=(2, 2),
            compression=32015,
            allow_unknown_filter=True,
        )
    assert "filters [32015], which are plug-ins" in refusal("a.h5")


# Declared, but not there
# -----------------------


def npy_of(shape, dtype="<f8"):
    """File of NumPy without the numbers that it declares."""
    file = io.BytesIO()
    header = {"descr": dtype, "fortran_order": False, "shape": shape}
    np.lib.format.write_array_header_1_0(file, header)
    return file.getvalue()


def test_huge_arrays_of_numpy():
    Path("a.npy").write_bytes(npy_of((HUGE, 4)))
    assert "declares an array of shape (1000000000000, 4), 29.1 TiB" in refusal("a.npy")
    Path("b.npy").write_bytes(npy_of((10**30, 10**30)))
    assert "shape (1.0e+30, 1.0e+30)" in refusal("b.npy")
    Path("c.npy").write_bytes(npy_of((4, 4), "<U1000000000"))
    assert "4.0" not in refusal("c.npy")
    for compression in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        with zipfile.ZipFile("a.npz", "w", compression) as archive:
            archive.writestr("Z.npy", npy_of((HUGE, 4)))
        assert "declares an array" in refusal("a.npz")


def test_what_deflate_blows_up_is_read_no_further_than_declared():
    with zipfile.ZipFile("a.npz", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("Z.npy", npy_of((4, 4)) + bytes(120_000_000))
    assert outcome("a.npz", None) == "read"


def test_huge_headers():
    Path("a.npy").write_bytes(b"\x93NUMPY\2\0" + struct.pack("<I", 2**32 - 1))
    assert "the header has 4294967295 bytes" in refusal("a.npy")
    with open("b.npy", "wb") as file:
        file.write(b"\x93NUMPY\2\0" + struct.pack("<I", 2**30))
        file.truncate(2**26)
    assert "the header has 1073741824 bytes" in refusal("b.npy")
    with open("a.safetensors", "wb") as file:
        file.write(struct.pack("<Q", 2**31))
        file.truncate(2**26)
    assert "the header has 2147483648 bytes" in refusal("a.safetensors")
    Path("b.safetensors").write_bytes(struct.pack("<Q", 4_000_000) + b"[" * 4_000_000)
    assert (
        refusal("b.safetensors")
        == "b.safetensors: the header of safetensors is damaged."
    )


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


def test_huge_tensors_of_safetensors():
    for shape, offsets, message in [
        ([HUGE, 4], [0, 128], "declares an array of shape"),
        ([4, 4], [0, HUGE], "read"),
        ([4, 4], [64, 192], "declares an array of shape"),
        ([4, -4], [0, 128], "is damaged"),
        ([4, 4], [0], "is damaged"),
        ([4, True], [0, 32], "is damaged"),
    ]:
        tensor = {"dtype": "F64", "shape": shape, "data_offsets": offsets}
        text = json.dumps({"Z": tensor}).encode()
        content = struct.pack("<Q", len(text)) + text + bytes(128)
        Path("a.safetensors").write_bytes(content)
        if message == "read":
            assert outcome("a.safetensors", None) == "read"
        else:
            assert message in refusal("a.safetensors")


def test_huge_arrays_of_stores():
    h5py = pytest.importorskip("h5py")
    with h5py.File("a.h5", "w") as file:
        file.create_dataset("Z", (10**6, 10**6), "f8", chunks=(100, 100))
        file.create_dataset("packed", (HUGE, 4), "f8", chunks=True, compression="gzip")
        file.create_dataset("whole", (10**5, 10**5), "f8")
    for key in ("Z", "packed", "whole"):
        assert "declares an array of shape" in refusal(f"a.h5:{key}")
    for version in (2, 3):
        assert "declares an array" in refusal(zarr_with(version, shape=[HUGE, 4]))
    assert "declares an array" in refusal(zarr_with(2, chunks=[HUGE, 4]))


def test_chunks_of_zarr_that_blow_up():
    import gzip

    name = zarr_with(2, compressor={"id": "gzip", "level": 9})
    for chunk in Path("a.zarr/Z").iterdir():
        if not chunk.name.startswith("."):
            chunk.write_bytes(gzip.compress(bytes(80_000_000), 9))
    assert "too large" in refusal(name)


@pytest.mark.parametrize("last", [10**6, -4, 2])
def test_lists_that_lead_out_of_their_numbers(last):
    pytest.importorskip("pyarrow")
    write_arrow("a.arrow", np.ones((5, 4)), np.ones(5))
    content = Path("a.arrow").read_bytes()
    offsets = np.arange(0, 21, 4, dtype="i4")
    assert content.count(offsets.tobytes()) == 1
    changed = np.r_[offsets[:-1], np.int32(last)].astype("i4")
    Path("a.arrow").write_bytes(content.replace(offsets.tobytes(), changed.tobytes()))
    assert "Offset invariant failure" in refusal("a.arrow:Z")


def test_free_memory_is_asked(monkeypatch):
    Path("a.npy").write_bytes(npy_of((100, 4)) + bytes(3200))
    np.savez_compressed("a.npz", Z=np.ones((100, 4)))
    limits = "skdse._cli.readers.limits.available_memory"
    monkeypatch.setattr(limits, lambda: 1000)
    assert "takes 3.1 KiB, and 1000 bytes are free. --sample N reads N" in refusal(
        "a.npz"
    )


# Wrong, empty and cut
# --------------------

SUFFIXES = [
    "npy",
    "npz",
    "safetensors",
    "pt",
    "h5",
    "h5ad",
    "parquet",
    "arrow",
    "feather",
]


@pytest.mark.parametrize("suffix", SUFFIXES)
@pytest.mark.parametrize("content", [b"", b"\0", b"GIF89a" + bytes(100), b"PK\5\6"])
def test_files_of_another_kind(suffix, content):
    if suffix in ("h5", "h5ad"):
        pytest.importorskip("h5py")
    if suffix in ("parquet", "arrow", "feather"):
        pytest.importorskip("pyarrow")
    Path(f"a.{suffix}").write_bytes(content)
    assert refusal(f"a.{suffix}").startswith(f"a.{suffix}: ")


def test_lists_of_entries_that_are_too_long():
    with zipfile.ZipFile("a.npz", "w") as archive:
        for i in range(70_000):
            archive.writestr(f"{i:060}", b"")
    assert "its list of entries has" in refusal("a.npz")
