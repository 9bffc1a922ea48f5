"""Files of every kind give the same numbers; arrays stay on the disk."""

import io
import json
import sys
import warnings
from pathlib import Path

import numpy as np
import pytest
from by_hand import wide
from commands import FILE_KEYS, LABEL_KEYS, error, records
from samples_on_disk import KINDS, table_of, write_npz, write_pt, write_safetensors

from skdse import DiffusionSpectralEntropy
from skdse._cli.files import drawn_rows, find_sources, read_samples

VALUES = FILE_KEYS - {"name", "seconds"} | LABEL_KEYS


@pytest.fixture
def write(folder, blobs):
    """Write the samples and labels as a kind of file; its name and its keys."""

    def write(kind):
        name, how, key, labels = KINDS[kind]
        how(name, *blobs)
        return name, key, labels

    return write


def read(name):
    """Samples of the only array of a file."""
    (source,) = find_sources([name])
    return read_samples(source)[0]


# Every kind
# ----------


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_gives_the_bits_of_npy(capsys, write, kind):
    name, key, labels = write(kind)
    (of_npy,) = records(capsys, "Z.npy", "--labels", "y.npy")
    beside = ["--labels", "y.npy" if labels is None else labels]
    (found,) = records(capsys, name, *beside)
    assert found["name"] == (name if key is None else f"{name}:{key}")
    assert {one: found[one] for one in VALUES} == {one: of_npy[one] for one in VALUES}


@pytest.mark.parametrize("kind", [one for one in KINDS if KINDS[one][3] is not None])
def test_labels_lie_in_every_kind_of_file(capsys, write, kind):
    name, _, labels = write(kind)
    (of_npy,) = records(capsys, "Z.npy", "--labels", "y.npy")
    (found,) = records(capsys, "Z.npy", "--labels", f"{name}:{labels}")
    assert found["dsmi_share"] == of_npy["dsmi_share"]


@pytest.mark.parametrize("kind", KINDS)
def test_a_sample_has_the_same_rows_of_every_kind(capsys, write, blobs, kind):
    name, _, labels = write(kind)
    beside = ["--labels", "y.npy" if labels is None else labels]
    (found,) = records(capsys, name, *beside, "--sample", "25", "--random-state", "3")
    rows = drawn_rows(60, 25, 3)
    Z, y = blobs[0][rows], blobs[1][rows]
    assert len(set(rows)) == 25 and list(rows) == sorted(rows)
    assert found["n_samples"] == 25
    assert found["dse"] == DiffusionSpectralEntropy(random_state=3).fit(Z).entropy_
    assert found["dsmi_wide"] == wide(random_state=3).fit(Z, y).mutual_info_


def test_a_sample_of_more_rows_than_there_are_is_all(capsys, folder):
    (of_all,) = records(capsys, "Z.npy")
    (found,) = records(capsys, "Z.npy", "--sample", "1000")
    assert found["dse"] == of_all["dse"] and found["n_samples"] == 60


@pytest.mark.parametrize("n", ["0", "-1", "x", "1.5"])
def test_a_sample_has_a_number_of_rows(capsys, folder, n):
    message = error(capsys, "Z.npy", f"--sample={n}")
    assert message == f"argument --sample: must be an integer above 0; got {n!r}."


# What stays on the disk
# ----------------------


def lies_on_disk(Z):
    """Whether the memory of an array is that of a file."""
    while not isinstance(Z, np.memmap) and getattr(Z, "base", None) is not None:
        Z = Z.base
    if isinstance(Z, (np.ndarray, type(None))):
        return isinstance(Z, np.memmap)
    # An array of Arrow: none of its memory was taken from what Arrow takes.
    import pyarrow

    return pyarrow.total_allocated_bytes() < Z.nbytes


@pytest.mark.parametrize(
    "kind", ["npy", "npz", "safetensors", "pt", "hdf5", "feather", "fixed parquet"]
)
def test_what_is_not_packed_stays_on_the_disk(write, kind):
    Z = read(write(kind)[0])
    # Parquet is unpacked in any case: the test would see that.
    assert lies_on_disk(Z) == (kind != "fixed parquet")


# Files as their packages write them
# ----------------------------------


def test_safetensors_as_the_package_writes_it(folder, blobs):
    package = pytest.importorskip("safetensors.numpy")
    write_safetensors("a.safetensors", *blobs)
    package.save_file(dict(zip("Zy", blobs, strict=True)), "b.safetensors")
    np.testing.assert_array_equal(read("b.safetensors:Z"), blobs[0])
    loaded = package.load_file("a.safetensors")
    np.testing.assert_array_equal(loaded["Z"], blobs[0])


@pytest.mark.parametrize("suffix", ["safetensors", "pt"])
@pytest.mark.parametrize("name", ["bfloat16", "float16", "float32", "int8", "bool"])
def test_tensors_of_every_precision(folder, suffix, name):
    torch = pytest.importorskip("torch")
    package = pytest.importorskip("safetensors.torch")
    Z = torch.linspace(-3, 3, 40).reshape(10, 4).to(getattr(torch, name))
    save = package.save_file if suffix == "safetensors" else torch.save
    save({"Z": Z}, f"a.{suffix}")
    found = read(f"a.{suffix}:Z")
    np.testing.assert_array_equal(found, Z.float().numpy())


def test_checkpoint_with_all_that_state_dicts_have(capsys, folder):
    torch = pytest.importorskip("torch")
    net = torch.nn.Sequential(torch.nn.Linear(4, 8), torch.nn.BatchNorm1d(8))
    moments = {"step": torch.tensor(1.0), "exp_avg": torch.ones(8, 4)}
    weights = torch.arange(24.0).reshape(4, 6)
    content = {
        "net": net.state_dict(),
        "optimizer": {
            "state": {0: moments},
            "param_groups": [{"params": [0], "lr": 0.1}],
        },
        "parameter": torch.nn.Parameter(weights),
        "views": [weights.T, weights[1:, ::2], weights[:0]],
        "epoch": 3,
        "nothing": None,
    }
    torch.save(content, "a.pt")
    names = [one.key for one in find_sources(["a.pt"])]
    assert {"net/0.weight", "parameter", "views/0", "views/1", "views/2"} < set(names)
    np.testing.assert_array_equal(read("a.pt:net/0.weight"), net[0].weight.detach())
    np.testing.assert_array_equal(read("a.pt:views/0"), weights.T)
    np.testing.assert_array_equal(read("a.pt:views/1"), weights[1:, ::2])
    assert read("a.pt:views/2").shape == (0, 6)
    torch.save(weights, "b.pth")
    np.testing.assert_array_equal(read("b.pth"), weights)


def test_what_weights_only_allows_beside_tensors(folder):
    torch = pytest.importorskip("torch")
    Z = torch.arange(24.0).reshape(4, 6)
    parameter = torch.nn.Parameter(Z)
    parameter.note = "has an attribute"
    content = {
        "Z": Z,
        "parameter": parameter,
        "buffer": torch.nn.Buffer(Z),
        "uint16": Z.to(torch.uint16),
        "beside": [torch.device("cpu"), torch.float32, {1, 2}, b"bytes", 1j, Z.layout],
    }
    torch.save(content, "a.pt")
    torch.load("a.pt", weights_only=True)
    for protocol in (2, 5):
        torch.save(content, "a.pt", pickle_protocol=protocol)
        names = [one.key for one in find_sources(["a.pt"])]
        assert names == ["Z", "parameter", "buffer", "uint16"]
        for name in names:
            np.testing.assert_array_equal(read(f"a.pt:{name}"), Z)


@pytest.mark.filterwarnings("ignore::UserWarning:torch", "ignore::DeprecationWarning")
def test_tensors_that_are_not_read(capsys, folder):
    torch = pytest.importorskip("torch")
    Z = torch.arange(24.0).reshape(4, 6)
    unread = {
        "complex": (torch.complex(Z, Z), "a tensor of complex numbers"),
        "minus": (torch.complex(Z, Z).conj().imag, "a view with another sign"),
        "float8": (Z.to(torch.float8_e4m3fn), "a tensor of float8_e4m3fn"),
        "sparse": (Z.to_sparse(), "a sparse tensor"),
        "meta": (Z.to("meta"), "a tensor on 'meta'"),
    }
    # Beside others they are left out, and refused where they are named or alone.
    torch.save({"Z": Z} | {name: one for name, (one, _) in unread.items()}, "a.pt")
    assert [one.key for one in find_sources(["a.pt"])] == ["Z"]
    for name, (one, message) in unread.items():
        torch.save(one, "b.pt")
        for file in (f"a.pt:{name}", "b.pt"):
            refusal = error(capsys, file)
            assert refusal.startswith(f"{file}: {message}")
            assert "Save it dense and of real numbers" in refusal


PACKED = {
    "shuffle": {"shuffle": True},
    "checksum": {"fletcher32": True},
    "all": {"compression": "gzip", "shuffle": True, "fletcher32": True},
    "lzf": {"compression": "lzf", "shuffle": True},
    "chunks": {},
}


@pytest.mark.parametrize("packed", PACKED)
@pytest.mark.parametrize("dtype", ["f8", ">f4", "u1", "?"])
def test_chunks_of_hdf5_are_those_of_the_package(folder, packed, dtype, monkeypatch):
    h5py = pytest.importorskip("h5py")
    limits = "skdse._cli.readers.hdf5_chunks.BLOCK_BYTES"
    monkeypatch.setattr(limits, 400)
    Z = np.random.default_rng(0).integers(0, 200, (50, 5, 3)).astype(dtype)
    with h5py.File("a.h5", "w") as file:
        options = {"chunks": (7, 3, 3), **PACKED[packed]}
        file.create_dataset("Z", data=Z, maxshape=(None, 5, 3), **options)
        sparse = file.create_dataset("some", (50, 5, 3), dtype, fillvalue=1, **options)
        sparse[20:30, 1] = Z[20:30, 1]
        expected = sparse[...]
        # A chunk may say that a filter was left out.
        options["chunks"] = (7, 3)
        left_out = file.create_dataset("plain", (7, 3), "f8", **options)
        plain = np.arange(21.0).reshape(7, 3)
        n_filters = left_out.id.get_create_plist().get_nfilters()
        left_out.id.write_direct_chunk((0, 0), plain.tobytes(), 2**n_filters - 1)
    arrays = {"Z": Z, "some": expected, "plain": plain}
    if packed == "chunks":
        del arrays["some"]  # as many bytes as are declared must be there
    for key, one in arrays.items():
        (source,) = find_sources([f"a.h5:{key}"])
        with warnings.catch_warnings(action="ignore"):  # of three dimensions
            np.testing.assert_array_equal(
                read_samples(source)[0], one.reshape(len(one), -1)
            )
            found, rows, _ = read_samples(source, (5, 0))
        np.testing.assert_array_equal(found, one.reshape(len(one), -1)[rows])


def test_data_set_as_the_package_writes_it(capsys, folder, blobs):
    datasets = pytest.importorskip("datasets")
    Z, y = blobs
    features = datasets.Features(
        {
            "Z": datasets.Sequence(datasets.Value("float64")),
            "maps": datasets.Array2D((2, 2), "float64"),
            "y": datasets.ClassLabel(names=["a", "b", "c"]),
        }
    )
    content = {"Z": Z, "maps": Z.reshape(60, 2, 2), "y": y}
    of_all = datasets.Dataset.from_dict(content, features)
    of_all.save_to_disk("all", num_shards=3)
    datasets.DatasetDict(train=of_all, test=of_all).save_to_disk("splits")
    (of_npy,) = records(capsys, "Z.npy", "--labels", "y.npy")
    found = records(capsys, "all", "splits", "--labels", "y")
    names = [one["name"] for one in found]
    parts = ("train/Z", "train/maps", "test/Z", "test/maps")
    assert names == ["all:Z", "all:maps", *(f"splits:{one}" for one in parts)]
    assert {one["dsmi_wide"] for one in found} == {of_npy["dsmi_wide"]}
    of_all.select(range(5)).save_to_disk("few")
    assert read("few:Z").shape == (5, 4)


# Arrays and keys
# ---------------


def test_several_arrays_of_a_file_are_several_rows(capsys, folder, blobs):
    Z, y = blobs
    np.savez("a.npz", first=Z, y=y, second=2 * Z)
    h5py = pytest.importorskip("h5py")
    with h5py.File("a.h5", "w") as file:
        for epoch in (10, 2):
            file[f"epoch{epoch}/Z"] = epoch * Z
        file["y"], file["names"] = y, ["a"] * 60
    names = [one["name"] for one in records(capsys, "a.npz", "a.h5")]
    assert names == ["a.npz:first", "a.npz:second", "a.h5:epoch10/Z", "a.h5:epoch2/Z"]


def test_patterns_of_files_and_of_keys(capsys, folder, blobs):
    Z, y = blobs
    for epoch in (10, 2):
        write_npz(f"epoch{epoch}.npz", epoch * Z, y)
    np.savez("more.npz", Z1=Z, Z2=Z, other=Z, y=np.eye(3)[y])
    names = [one["name"] for one in records(capsys, "epoch*.npz")]
    assert names == ["epoch2.npz:Z", "epoch10.npz:Z"]
    names = [one["name"] for one in records(capsys, "more.npz:Z?", "--labels", "y.npy")]
    assert names == ["more.npz:Z1", "more.npz:Z2"]
    # What the labels are is no representation.
    names = [one["name"] for one in records(capsys, "more.npz", "--labels", "y")]
    assert names == ["more.npz:Z1", "more.npz:Z2", "more.npz:other"]
    assert error(capsys, "x*.npz").startswith("x*.npz: no file of ['.arrow', ")
    message = error(capsys, "more.npz:q*")
    assert message.startswith("more.npz:q*: no array of two dimensions among ['Z1', ")


def test_standard_input_is_an_array(capsys, folder, monkeypatch):
    of_npy, of_both = records(capsys, "Z.npy"), []
    for arguments in (["-"], ["-", "--n-jobs", "2"]):
        stream = io.TextIOWrapper(io.BytesIO(Path("Z.npy").read_bytes()))
        monkeypatch.setattr(sys, "stdin", stream)
        of_both += records(capsys, *arguments)
    assert [one["name"] for one in of_both] == ["-", "-"]
    assert {one["dse"] for one in of_both} == {of_npy[0]["dse"]}
    for content in (b"", b"1,2\n3,4\n", Path("Z.npy").read_bytes()[:-8]):
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(content)))
        assert error(capsys, "-").startswith("-: ")


# Columns
# -------


def test_lists_of_several_lengths_are_refused(capsys, folder):
    pyarrow = pytest.importorskip("pyarrow")
    parquet = pytest.importorskip("pyarrow.parquet")
    table = pyarrow.table({"Z": [[1.0, 2.0], [3.0]]})
    parquet.write_table(table, "ragged.parquet")
    message = "ragged.parquet:Z: its lists have 1 to 2 numbers; all must have as many."
    assert error(capsys, "ragged.parquet") == message
    table = pyarrow.table({"Z": [[1.0, 2.0], None, [3.0, None]]})
    parquet.write_table(table, "null.parquet")
    assert error(capsys, "null.parquet").startswith("null.parquet:Z: 1 rows or numbers")


def test_lists_of_several_lengths_in_several_groups_of_rows(capsys, folder):
    pyarrow = pytest.importorskip("pyarrow")
    parquet = pytest.importorskip("pyarrow.parquet")
    table = pyarrow.table({"Z": [[1.0, 2.0], [3.0, 4.0], [3.0]]})
    parquet.write_table(table, "ragged.parquet", row_group_size=2)
    assert error(capsys, "ragged.parquet").startswith("ragged.parquet:Z: it has fewer")
    pytest.importorskip("pyarrow.feather").write_feather(
        table, "ragged.feather", chunksize=2
    )
    message = error(capsys, "ragged.feather")
    assert message.startswith("ragged.feather:Z: its lists have {")


def test_lists_in_lists_and_tensors_are_flattened(folder, blobs):
    pyarrow = pytest.importorskip("pyarrow")
    maps = blobs[0].reshape(60, 2, 2)
    tensors = pyarrow.FixedShapeTensorArray.from_numpy_ndarray(maps)
    table = pyarrow.table({"lists": maps.tolist(), "tensors": tensors})
    with pyarrow.OSFile("a.arrow", "wb") as file:
        with pyarrow.ipc.new_file(file, table.schema) as writer:
            writer.write_table(table)
    with pytest.warns(UserWarning, match=r"flattened to \(60, 4\)"):
        np.testing.assert_array_equal(read("a.arrow:lists"), blobs[0])
    np.testing.assert_array_equal(read("a.arrow:tensors"), blobs[0])


def test_columns_of_numbers_are_a_matrix_beside_the_labels(capsys, folder, blobs):
    pd = pytest.importorskip("pandas")
    Z, y = blobs
    frame = pd.DataFrame(Z, columns=list("abcd"), index=[f"s{i}" for i in range(60)])
    frame.index.name = None
    frame["label"] = pd.Categorical(np.array(["u", "v", "w"])[y])
    frame.to_parquet("a.parquet")
    (of_npy,) = records(capsys, "Z.npy", "--labels", "y.npy")
    (found,) = records(capsys, "a.parquet", "--labels", "a.parquet:label")
    assert found["name"] == "a.parquet"
    assert {one: found[one] for one in VALUES} == {one: of_npy[one] for one in VALUES}
    message = error(capsys, "a.parquet", "--labels", "q")
    assert message.startswith("a.parquet: no column 'q'; the file has ['a', 'b', ")


def test_labels_must_be_there_for_all(capsys, folder):
    pyarrow = pytest.importorskip("pyarrow")
    parquet = pytest.importorskip("pyarrow.parquet")
    parquet.write_table(pyarrow.table({"y": ["a", None]}), "y.parquet")
    message = error(capsys, "Z.npy", "--labels", "y.parquet")
    assert message == "y.parquet: 1 samples have no label."
    parquet.write_table(table_of(np.eye(2), [0, 1]), "two.parquet")
    message = error(capsys, "Z.npy", "--labels", "two.parquet")
    assert message.startswith("two.parquet: name the column of the labels: FILE:NAME, ")


# Missing packages
# ----------------


@pytest.mark.parametrize(
    ("package", "file", "extra"),
    [
        ("h5py", "a.h5", "hdf5"),
        ("zarr", "a.zarr", "zarr"),
        ("pyarrow", "a.feather", "report"),
    ],
)
def test_missing_package_is_named(capsys, write, monkeypatch, package, file, extra):
    write({"a.h5": "hdf5", "a.zarr": "zarr 2", "a.feather": "feather"}[file])
    monkeypatch.setitem(sys.modules, package, None)
    way_out = f'an optional package: pip install "skdse[{extra}]".'
    assert error(capsys, file) == f"reading {Path(file).suffix} needs {way_out}"


def test_tensors_need_no_package(capsys, folder, blobs, monkeypatch):
    write_safetensors("a.safetensors", *blobs)
    files = ["a.safetensors"]
    if "torch" in sys.modules or pytest.importorskip("torch"):
        write_pt("a.pt", *blobs)
        files.append("a.pt")
    for package in ("torch", "safetensors"):
        monkeypatch.setitem(sys.modules, package, None)
    assert len(records(capsys, *files)) == len(files)


def test_json_of_a_data_set_is_looked_through(capsys, folder):
    Path("dataset").mkdir()
    for state, message in [
        ("x", "state.json is damaged."),
        ("[]", "state.json is damaged."),
        ("{}", "state.json is damaged."),
        (json.dumps({"_data_files": []}), "state.json names no files of this folder."),
        (
            json.dumps({"_data_files": [{"filename": "../Z.npy"}]}),
            "state.json names no files of this folder.",
        ),
        (
            json.dumps({"_indices_data_files": [{"filename": "i.arrow"}]}),
            "it is a selection of rows: call flatten_indices() first.",
        ),
    ]:
        Path("dataset", "state.json").write_text(state)
        assert error(capsys, "dataset") == f"dataset: {message}"
