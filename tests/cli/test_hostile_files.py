"""Files that would run code, read other files or fill the memory: one line each."""

import io
import json
import pickle
import struct
import zipfile
import zlib
from pathlib import Path

import numpy as np
import pytest
from commands import error, records
from fuzzing import outcome
from hostile import CODE, HUGE, Bomb, refusal
from samples_on_disk import write_arrow, write_h5ad, write_zarr

pytestmark = pytest.mark.usefixtures("nothing_was_run")

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


@pytest.mark.parametrize(
    ("options", "chunk", "message"),
    [
        # HDF5 would read behind the one, and unpack the other to 256 MiB.
        ({"fletcher32": True}, b"\1\2", "cannot be unpacked"),
        ({"compression": "gzip", "fletcher32": True}, b"\1\2\3\4", "cannot be unp"),
        ({"compression": "gzip"}, zlib.compress(bytes(2**28), 9), "a chunk of 2609"),
        ({"compression": "gzip"}, zlib.compress(bytes(2**25), 9), "cannot be unpacked"),
        ({"compression": "gzip"}, zlib.compress(bytes(80), 9), "cannot be unpacked"),
        ({"compression": "gzip"}, b"no deflate", "cannot be unpacked"),
        ({"compression": "gzip"}, zlib.compress(bytes(1600))[:-4], "cannot be unpack"),
        ({"shuffle": True}, bytes(80), "cannot be unpacked"),
        ({}, bytes(80), "holds 80 bytes"),
        ({"scaleoffset": 0, "dtype": "i8"}, bytes(80), "filters [6]"),
    ],
)
def test_chunks_of_hdf5_that_are_none(options, chunk, message):
    h5py = pytest.importorskip("h5py")
    with h5py.File("a.h5", "w") as file:
        options = {"dtype": "f8", "chunks": (50, 4), **options}
        Z = file.create_dataset("Z", (50, 4), **options)
        Z.id.write_direct_chunk((0, 0), chunk)
    assert message in refusal("a.h5")


def literal_lzf(content):
    """Content as lzf that copies nothing."""
    parts = [content[i : i + 32] for i in range(0, len(content), 32)]
    return b"".join(bytes([len(part) - 1]) + part for part in parts)


PACKED = {
    "plain": ({}, None),
    "chunks": ({"chunks": (6,)}, bytes),
    "gzip": ({"chunks": (6,), "compression": "gzip"}, zlib.compress),
    "lzf": ({"chunks": (6,), "compression": "lzf"}, literal_lzf),
}


@pytest.mark.parametrize("packed", PACKED)
def test_texts_of_hdf5_longer_than_the_file(capsys, packed):
    h5py = pytest.importorskip("h5py")
    options, pack = PACKED[packed]
    np.save("Z.npy", np.eye(600))
    with h5py.File("a.h5", "w") as file:
        file.create_dataset("y", data=["a", "b"] * 300, **options)
        place = file["y"].id.get_offset()
        file["plain"] = np.array(["a", "b"] * 300, dtype=object)
        place = file["plain"].id.get_offset() if place is None else place
    (found,) = records(capsys, "Z.npy", "--labels", "a.h5:y")
    assert "dsmi_share" in found
    references = bytearray(Path("a.h5").read_bytes()[place : place + 96])
    references[3] = 128  # of the length 1, which now is 2³¹ more
    if pack is None:
        content = bytearray(Path("a.h5").read_bytes())
        content[place : place + 96] = references
        Path("a.h5").write_bytes(content)
    else:
        with h5py.File("a.h5", "r+") as file:
            file["y"].id.write_direct_chunk((0,), pack(bytes(references)))
    message = error(capsys, "Z.npy", "--labels", "a.h5:y")
    assert "its texts do not lie in the file" in message


@pytest.mark.parametrize(
    "chunk", [zlib.compress(bytes(8)), b"\xff", b"\x1f\0", b"\x20\5"]
)
@pytest.mark.parametrize("compression", ["gzip", "lzf"])
def test_texts_of_hdf5_that_cannot_be_unpacked(capsys, compression, chunk):
    h5py = pytest.importorskip("h5py")
    np.save("Z.npy", np.eye(6))
    with h5py.File("a.h5", "w") as file:
        options = {"chunks": (6,), "compression": compression}
        file.create_dataset("y", data=list("ababab"), **options)
        file["y"].id.write_direct_chunk((0,), chunk)
    assert "cannot be unpacked" in error(capsys, "Z.npy", "--labels", "a.h5:y")


@pytest.mark.parametrize("what", ["length", "size"])
def test_attributes_of_hdf5_longer_than_the_file(capsys, what):
    write_h5ad("a.h5ad", np.eye(6), np.arange(6) % 2)
    np.save("Z.npy", np.eye(6))
    arguments = "Z.npy", "--labels", "a.h5ad:obs/y"
    records(capsys, *arguments)
    content = bytearray(Path("a.h5ad").read_bytes())
    heap = content.index(b"GCOL")
    if what == "length":
        # The reference to the text "categorical", of 11 characters.
        place = content.index(b"\x0b\0\0\0" + heap.to_bytes(8, "little")) + 3
    else:
        place = content.index(b"categorical") - 5  # its object ends so
    content[place] = 32
    Path("a.h5ad").write_bytes(content)
    assert outcome("a.h5ad", "obs/y") == "refused"
    assert "its texts do not lie in the file" in error(capsys, *arguments)


def test_a_checksum_of_hdf5_is_compared():
    h5py = pytest.importorskip("h5py")
    Z = np.random.default_rng(0).normal(size=(50, 4))
    with h5py.File("a.h5", "w") as file:
        file.create_dataset("Z", data=Z, chunks=(50, 4), fletcher32=True)
    assert outcome("a.h5", None) == "read"
    content = Path("a.h5").read_bytes()
    place = content.index(Z.tobytes())
    Path("a.h5").write_bytes(content[:place] + b"\0" + content[place + 1 :])
    assert "cannot be unpacked" in refusal("a.h5")


def test_numbers_of_hdf5_that_numpy_does_not_have():
    h5py = pytest.importorskip("h5py")
    kind = h5py.h5t.IEEE_F32LE.copy()
    kind.set_ebias(100)
    with h5py.File("a.h5", "w") as file:
        space = h5py.h5s.create_simple((4, 4))
        h5py.h5d.create(file.id, b"Z", kind, space).write(
            h5py.h5s.ALL, h5py.h5s.ALL, np.eye(4, dtype="f4")
        )
    assert "has numbers of a type that NumPy does not have" in refusal("a.h5")


def test_chunks_much_larger_than_their_array():
    h5py = pytest.importorskip("h5py")
    with h5py.File("a.h5", "w") as file:
        Z = file.create_dataset(
            "Z",
            (10, 4),
            "f4",
            maxshape=(None, 4),
            chunks=(2**24, 4),
            compression="gzip",
        )
        Z.id.write_direct_chunk((0, 0), zlib.compress(bytes(2**28)))
    assert "has chunks of 256.0 MiB for an array of 160 bytes" in refusal("a.h5")
    name = zarr_with(2, chunks=[2**21, 4], compressor={"id": "zlib", "level": 9})
    for chunk in Path("a.zarr/Z").iterdir():
        if not chunk.name.startswith("."):
            chunk.write_bytes(zlib.compress(bytes(2**26), 9))
    assert "has chunks of 64.0 MiB for an array of 128 bytes" in refusal(name)


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
