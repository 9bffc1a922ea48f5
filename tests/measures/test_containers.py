"""The same numbers for the same samples and labels, whatever holds them."""

import enum
import re
import sys
from importlib.util import find_spec

import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp

from skdse import DiffusionSpectralEntropy, DiffusionSpectralMI

r = np.random.default_rng(0)
Y = np.arange(90) % 3
X = 4 * r.normal(size=(3, 4))[Y] + r.normal(size=(90, 4))
NAMES = np.array(["a", "b", "c"])[Y]


def values(X, y):
    """DSE and DSMI, from fit and from score."""
    dse = DiffusionSpectralEntropy(random_state=0).fit(X)
    dsmi = DiffusionSpectralMI(random_state=0).fit(X, y)
    return dse.entropy_, dse.score(X), dsmi.mutual_info_, dsmi.score(X, y)


@pytest.fixture(scope="module")
def expected():
    return values(X, Y)


def rows():
    """Rows of X as objects."""
    found = np.empty(90, dtype=object)
    found[:] = list(X)
    return found


def arrow(what):
    pyarrow = pytest.importorskip("pyarrow")
    column = pyarrow.array(list(X))
    flat = pyarrow.array(X.ravel())
    return {
        "table": pyarrow.table(dict(zip("abcd", X.T, strict=True))),
        "batch": pyarrow.record_batch(dict(zip("abcd", X.T, strict=True))),
        "lists": pyarrow.table({"e": column}),
        "fixed": pyarrow.table({"e": pyarrow.FixedSizeListArray.from_arrays(flat, 4)}),
        "chunks": pyarrow.chunked_array([column[:20], column[20:]]),
        "array": column,
        "pandas": pd.DataFrame({"e": pd.arrays.ArrowExtensionArray(column)})
        if what == "pandas"
        else None,
    }[what]


def polars(what):
    polars = pytest.importorskip("polars")
    return {
        "frame": polars.DataFrame(X),
        "lists": polars.DataFrame({"e": X.tolist()}),
        "arrays": polars.DataFrame({"e": X}),
        "series": polars.Series("e", X.tolist()),
    }[what]


def column_of(rows):
    """Frame with a column of lists, in a type of Arrow: Dask makes text of objects."""
    pyarrow = pytest.importorskip("pyarrow")
    kind = pd.ArrowDtype(pyarrow.list_(pyarrow.float64()))
    return pd.DataFrame({"e": pd.Series(list(rows), dtype=kind)})


def lazy_frame(frame):
    """Frame of Dask in three partitions, of which the last is empty."""
    dask_frames = pytest.importorskip("dask.dataframe")
    parts = [slice(0, 50), slice(50, None), slice(0, 0)]
    return dask_frames.from_map(lambda rows: frame[rows], parts, meta=frame[:0])


FRAME = pd.DataFrame(X, columns=list("abcd"))
HOLDERS = {
    "lists": X.tolist,
    "rows": rows,
    "column of rows": lambda: rows()[:, None],
    "masked, nothing": lambda: np.ma.masked_array(X),
    "pandas": lambda: FRAME,
    "pandas, nullable": FRAME.convert_dtypes,
    "pandas, objects": lambda: FRAME.astype(object),
    "pandas, lists": lambda: pd.DataFrame({"e": X.tolist()}),
    "pandas, arrays": lambda: pd.DataFrame({"e": list(X)}, index=range(5, 95)),
    "pandas, series": lambda: pd.Series(list(X)),
    "pandas, Arrow": lambda: arrow("pandas"),
    **{
        f"Arrow, {one}": lambda one=one: arrow(one)
        for one in ("table", "batch", "lists", "fixed", "chunks", "array")
    },
    **{
        f"polars, {one}": lambda one=one: polars(one)
        for one in ("frame", "lists", "arrays", "series")
    },
    "dask": lambda: pytest.importorskip("dask.array").from_array(X, chunks=(40, 4)),
    "dask, frame": lambda: lazy_frame(FRAME),
    "dask, lists": lambda: lazy_frame(column_of(X)),
    "dask, series": lambda: lazy_frame(column_of(X))["e"],
    "torch": lambda: pytest.importorskip("torch").from_numpy(X.copy()),
}


@pytest.mark.parametrize("holder", HOLDERS)
def test_samples_give_the_same_numbers(expected, holder):
    assert values(HOLDERS[holder](), Y) == pytest.approx(expected, abs=1e-10)


def arrow_labels(what):
    pyarrow = pytest.importorskip("pyarrow")
    column = pyarrow.array(NAMES.tolist())
    return {
        "array": column,
        "chunks": pyarrow.chunked_array([column]),
        "dictionary": column.dictionary_encode(),
        "table": pyarrow.table({"y": column}),
    }[what]


def polars_labels(what):
    polars = pytest.importorskip("polars")
    return {
        "series": polars.Series(NAMES),
        "categories": polars.Series(NAMES, dtype=polars.Categorical),
        "enumeration": polars.Series(NAMES, dtype=polars.Enum(["c", "b", "a", "d"])),
        "frame": polars.DataFrame({"y": Y}),
    }[what]


WHOLE = list(enum.IntEnum("Whole", "A B C"))
TEXTS = list(enum.StrEnum("Texts", "A B C"))
DAYS = pd.Series(pd.to_datetime(Y, unit="D", utc=True))

LABELS = {
    "enumerated numbers": lambda: [WHOLE[one] for one in Y],
    "enumerated texts": lambda: [TEXTS[one] for one in Y],
    "texts": lambda: NAMES,
    "bytes": lambda: NAMES.astype("S"),
    "bytes, not UTF-8": lambda: np.array([b"\xe4", b"b", b"c"])[Y],
    "objects": lambda: NAMES.astype(object),
    "objects of bytes": lambda: NAMES.astype("S").astype(object),
    "column": lambda: NAMES[:, None],
    "masked, nothing": lambda: np.ma.masked_array(Y),
    "pairs": lambda: np.c_[NAMES, NAMES],
    "pairs of pandas": lambda: pd.DataFrame({"a": NAMES, "b": NAMES[::-1][::-1]}),
    "pairs of two types": lambda: pd.DataFrame({"a": NAMES, "b": Y}),
    "pairs of tuples": lambda: list(zip(NAMES, Y.tolist(), strict=True)),
    "pandas": lambda: pd.Series(NAMES, index=range(5, 95)),
    "pandas, categories": lambda: pd.Series(NAMES, dtype="category"),
    "pandas, categories of which some are missing": lambda: pd.Categorical(
        NAMES, categories=["z", "c", "b", "a"]
    ),
    "pandas, nullable": lambda: pd.Series(Y, dtype="Int64"),
    "pandas, times in a zone": lambda: DAYS.dt.tz_convert("Europe/Berlin"),
    **{
        f"Arrow, {one}": lambda one=one: arrow_labels(one)
        for one in ("array", "chunks", "dictionary", "table")
    },
    **{
        f"polars, {one}": lambda one=one: polars_labels(one)
        for one in ("series", "categories", "enumeration", "frame")
    },
    "dask": lambda: pytest.importorskip("dask.array").from_array(Y, chunks=40),
    "torch": lambda: pytest.importorskip("torch").from_numpy(Y.copy()),
}


@pytest.mark.parametrize("holder", LABELS)
def test_labels_give_the_same_numbers(expected, holder):
    assert values(X, LABELS[holder]()) == pytest.approx(expected, abs=1e-10)


def of_anndata():
    """The values of a representation and a column of ``obs``, by the functions."""
    anndata = pytest.importorskip("anndata")
    from skdse.integrations import anndata as adapter

    obs = pd.DataFrame({"y": pd.Categorical(Y)}, index=[f"cell {i}" for i in range(90)])
    adata = anndata.AnnData(np.zeros((90, 1)), obs=obs, obsm={"X_pca": X})
    dse = adapter.dse(adata, random_state=0)
    dsmi = adapter.dsmi(adata, "y", random_state=0)
    return dse, dse, dsmi, dsmi


CONTAINERS = {
    "pandas": lambda: values(FRAME, pd.Series(NAMES, dtype="category")),
    "pandas, lists": lambda: values(HOLDERS["pandas, lists"](), pd.Series(NAMES)),
    "polars": lambda: values(polars("frame"), polars_labels("series")),
    "polars, lists": lambda: values(polars("arrays"), polars_labels("categories")),
    "Arrow": lambda: values(arrow("table"), arrow_labels("array")),
    "Arrow, lists": lambda: values(arrow("fixed"), arrow_labels("dictionary")),
    "AnnData": of_anndata,
    "dask": lambda: values(HOLDERS["dask"](), LABELS["dask"]()),
    "torch": lambda: values(HOLDERS["torch"](), LABELS["torch"]()),
}


@pytest.mark.filterwarnings("ignore::FutureWarning:anndata")
@pytest.mark.parametrize("container", CONTAINERS)
def test_samples_and_labels_in_one_container(expected, container):
    assert CONTAINERS[container]() == pytest.approx(expected, abs=1e-10)


def test_pairs_of_labels_are_groups_of_their_own():
    # Six groups of 15, of which the three names have two each.
    more = np.where(np.arange(90) < 45, "u", "v")
    of_pairs = DiffusionSpectralMI(random_state=0).fit(X, np.c_[NAMES, more])
    both = np.char.add(NAMES, more)
    of_texts = DiffusionSpectralMI(random_state=0).fit(X, both)
    assert of_pairs.mutual_info_ == of_texts.mutual_info_
    assert len(np.unique(of_pairs.labels_)) == 6


# What is refused
# ---------------


class Holder:
    """What AnnData looks like from outside."""

    obs = obsm = None
    shape = (90, 4)


@pytest.mark.parametrize(
    ("X", "message"),
    [
        (
            Holder(),
            "X of type Holder holds several matrices: pass one, for instance ",
        ),
        (
            {"a": [1.0]},
            "X must be an array, tensor or frame of samples x features; got ",
        ),
        ({1.0}, "got a set."),
        ("abc", "got a str."),
        (
            np.ma.masked_array(X, X > 0),
            "masked values, which would count. Leave these ",
        ),
        (
            pd.Series([[1.0, 2.0], [3.0]]),
            "the rows of X must have as many numbers each; ",
        ),
        (np.array([[1.0], None], dtype=object), "got 0 to 1."),
        ([[1.0, 2.0], [3.0]], "the rows of X must have as many numbers each; got 1 "),
        ((one for one in X), "got a generator."),
        (
            pd.DataFrame({"id": range(90), "e": X.tolist()}),
            "X has lists in the column 'e', beside 1 others: pass that column alone, "
            "X['e'].",
        ),
    ],
)
def test_samples_that_are_refused_in_a_line(X, message):
    for estimator in (DiffusionSpectralEntropy(), DiffusionSpectralMI()):
        with pytest.raises((TypeError, ValueError), match=re.escape(message)) as info:
            estimator.fit(X, Y[: len(X) if isinstance(X, pd.Series) else 90])
        assert len(str(info.value).splitlines()) == 1
        assert len(str(info.value)) < 250


@pytest.mark.parametrize("library", ["pyarrow", "polars"])
def test_lists_beside_other_columns_are_refused(library):
    package = pytest.importorskip(library)
    frame = {"pyarrow": "table", "polars": "DataFrame"}[library]
    table = getattr(package, frame)({"id": list(range(90)), "e": X.tolist()})
    with pytest.raises(ValueError, match=r"X has lists in the column 'e'"):
        DiffusionSpectralEntropy().fit(table)


def test_lists_in_frames_of_dask_that_are_refused():
    ragged = lazy_frame(column_of([*X[:80], *X[80:, :2]]))
    with pytest.raises(ValueError, match="the rows of X must have as many numbers eac"):
        DiffusionSpectralEntropy().fit(ragged)
    ragged = lazy_frame(column_of([*X[:50], *X[50:, :2]]))
    message = r"as many numbers each; got \(4,\) and \(2,\)."
    with pytest.raises(ValueError, match=message):
        DiffusionSpectralEntropy().fit(ragged)
    beside = lazy_frame(column_of(X).assign(id=range(90)))
    with pytest.raises(ValueError, match=r"X has lists in the column 'e', beside 1 o"):
        DiffusionSpectralEntropy().fit(beside)


@pytest.mark.parametrize(
    ("y", "message"),
    [
        (dict(enumerate(Y)), "a label or value a sample; got a dict."),
        (set(range(90)), "a label or value a sample; got a set."),
        (dict(enumerate(Y)).values(), "a label or value a sample; got a dict_values."),
        (iter(Y.tolist()), "a label or value a sample; got a list_iterator."),
        ([[1], [1, 2]] * 45, "the rows of y must have as many numbers each; got 1 to"),
        (Holder(), "y of type Holder has several columns: pass one, for instance y.o"),
        ("a" * 90, "a label or value a sample; got a str."),
        (
            sp.csr_array(np.eye(3)[Y]),
            "got a sparse matrix of shape (90, 3). Pass y.toa",
        ),
        (np.ma.masked_array(Y, Y == 1), "y has 30 masked values, which would count. "),
    ],
)
def test_labels_that_are_refused_in_a_line(y, message):
    for call in ("fit", "score"):
        dsmi = DiffusionSpectralMI(random_state=0).fit(X, Y)
        with pytest.raises((TypeError, ValueError), match=re.escape(message)) as info:
            getattr(dsmi, call)(X, y)
        assert len(str(info.value).splitlines()) == 1
        assert len(str(info.value)) < 250


def test_texts_are_no_continuous_target():
    for y in (NAMES, np.c_[NAMES, NAMES]):
        with pytest.raises(ValueError, match="y must hold numbers for target='conti"):
            DiffusionSpectralMI(target="continuous").fit(X, y)


def test_no_container_is_imported():
    # The packages are recognised by what their objects have.
    assert find_spec("skdse._tools.containers").name in sys.modules
    names = vars(sys.modules["skdse._tools.containers"])
    assert not {"pandas", "polars", "pyarrow", "anndata"} & set(names)
