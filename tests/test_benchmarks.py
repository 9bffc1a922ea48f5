"""The benchmarks: stages of the time, tables, limits; and that the jobs work."""

import ast
import os
import subprocess
import sys
import threading
import time
import warnings
from importlib import import_module
from pathlib import Path

import numpy as np
import pytest

import skdse
from skdse import DiffusionSpectralEntropy, DiffusionSpectralMI
from skdse._spectra.bandwidth import Bandwidth
from skdse._spectra.kernels import GaussianEntries
from skdse._spectra.matrices import DenseMatrix
from skdse._spectra.tiles import TiledKernel

PACKAGE = Path(skdse.__file__).parent
BENCHMARKS = Path(__file__).parent.parent / "doc" / "benchmarks"
sys.path.insert(0, str(BENCHMARKS))
names = ("bench", "jobs", "measure", "results_file", "stages")
bench, jobs, measure, results_file, stages = map(import_module, names)


# Stages


def _functions(file):
    """Names of all functions and methods of a file."""
    tree = ast.parse((PACKAGE / file).read_text(encoding="utf-8"))
    for node in tree.body:
        if isinstance(node, ast.FunctionDef):
            yield node.name
        elif isinstance(node, ast.ClassDef):
            inner = (one for one in node.body if isinstance(one, ast.FunctionDef))
            yield from (f"{node.name}.{one.name}" for one in inner)


@pytest.mark.parametrize("name", [*stages.STAGE_OF, *stages.WAITS])
def test_what_has_a_stage_exists(name):
    file, _, function = name.partition(":")
    assert not function or function in _functions(file)


def test_every_file_of_the_solvers_room_has_a_stage_or_a_reason():
    # They only call others, or are done in no time.
    no_stage = {"__init__", "distances", "frames", "meter", "metrics", "placements"}
    no_stage |= {"affinities", "fused", "given", "shelves", "spectrum"}
    no_stage |= {"plan", "request", "spectral_meter"}
    # What costs in the last two has one.
    no_stage |= {"course", "estimates", "solvers", "small_sets"}
    files = [path.relative_to(PACKAGE) for path in PACKAGE.glob("_spectra/**/*.py")]
    # What workers of a cluster do is on no clock of this process.
    files = [path for path in files if path.parent.name != "blocked"]
    without = {one.stem for one in files if one.as_posix() not in stages.STAGE_OF}
    assert without <= no_stage


def test_all_passes_of_the_contract_are_counted():
    contract = {
        name.partition(".")[2]
        for name in _functions("_spectra/matrices.py")
        if name.startswith("AffinityMatrix.")
    }
    # Both at once is two passes, or one over tiles.
    passes = contract - {"diagonal", "toarray", "block", "head", "matmat_and_squares"}
    assert set(stages.PASSES) == passes | {"_sums_of_tiles"}


@pytest.mark.parametrize(("is_dense", "n_passes"), [(False, 1), (True, 2)])
def test_a_product_with_the_norm_is_one_pass_over_tiles(is_dense, n_passes):
    X = np.random.default_rng(0).normal(size=(50, 3))
    tiles = TiledKernel(GaussianEntries(X, Bandwidth(1.0)))
    G = DenseMatrix(tiles.toarray()) if is_dense else tiles
    with stages.StageClock() as clock:
        G.matmat_and_squares(np.ones((50, 2), np.float32), np.ones(50))
    assert clock.n_products == n_passes


def _function_of(name):
    """A function as if it were that of skdse of this name, which runs `then`."""
    file, _, function = name.partition(":")
    source = f"def {function or 'f'}(then, *args): return then(*args)"
    space = {}
    exec(compile(source, f"/somewhere/skdse/{file}", "exec"), space)
    return space[function or "f"]


SEARCH = _function_of("_spectra/neighbors.py")
BANDWIDTH = _function_of("_spectra/medians.py")
AFFINITY = _function_of("_spectra/kernels.py")
PRODUCT = _function_of("_spectra/tiles.py:matmat")
WAIT = _function_of("_tools/parallel.py:map_threads")


def _work(seconds):
    """Take processor time."""
    end = time.thread_time() + seconds
    while time.thread_time() < end:
        pass


def test_the_innermost_stage_gets_the_time():
    def product():
        _work(0.02)
        AFFINITY(_work, 0.06)
        _work(0.02)

    with stages.StageClock() as clock:
        start = time.perf_counter()
        _work(0.03)
        PRODUCT(product)
        # The distances of a bandwidth are its own; its search is told apart.
        BANDWIDTH(AFFINITY, _work, 0.05)
        BANDWIDTH(SEARCH, AFFINITY, _work, 0.07)
        total = time.perf_counter() - start
    found = clock.seconds
    assert sum(found.values()) == pytest.approx(total, rel=0.1)
    least = {"products": 0.04, "affinity": 0.06, "bandwidth": 0.05, "search": 0.07}
    least["rest"] = 0.03
    for stage, seconds in found.items():
        assert seconds >= least.get(stage, 0)
    assert sum(found[stage] for stage in stages.STAGES if stage not in least) == 0
    assert clock.n_products == 1


def test_time_of_threads_goes_to_their_stages():
    def thread():
        _work(0.05)  # of whoever waits for it
        AFFINITY(_work, 0.15)

    def wait():
        threads = [threading.Thread(target=thread) for _ in range(2)]
        for one in threads:
            one.start()
        for one in threads:
            one.join()

    with stages.StageClock() as clock:
        start = time.perf_counter()
        PRODUCT(WAIT, wait)
        total = time.perf_counter() - start
    found = clock.seconds
    assert found["products"] + found["affinity"] == pytest.approx(total, rel=0.1)
    assert found["affinity"] / found["products"] == pytest.approx(3, rel=0.25)


def test_an_error_ends_the_clock():
    with pytest.raises(ZeroDivisionError), stages.StageClock() as clock:
        PRODUCT(lambda: 1 / 0)
    assert sys.getprofile() is None
    assert clock.n_products == 1


@pytest.mark.parametrize(
    ("estimator", "expected"),
    [
        (
            DiffusionSpectralEntropy(eigen_solver="lanczos", random_state=0),
            {"bandwidth", "affinity", "products", "orthogonalisation", "quadrature"},
        ),
        (
            DiffusionSpectralEntropy(
                affinity="nearest_neighbors", eigen_solver="lanczos", tol=0.02
            ),
            {"search", "affinity", "products", "orthogonalisation", "quadrature"},
        ),
        (DiffusionSpectralEntropy(eigen_solver="dense"), {"affinity", "dense solver"}),
        (DiffusionSpectralMI(random_state=0), {"affinity", "dense solver"}),
    ],
    ids=str,
)
def test_stages_of_estimators_are_seen(estimator, expected):
    X, y = jobs.blobs(600, 8, 3)(False, None)
    with stages.StageClock() as clock:
        estimator.fit(X, y)
    seen = {stage for stage, seconds in clock.seconds.items() if seconds > 0}
    assert expected <= seen
    if "dense solver" in expected:
        assert "quadrature" not in seen
    else:
        # Each step of Lanczos is a pass, and row sums and norms take some.
        assert clock.n_products > estimator.spectrum_.n_steps


# Tables


def _rows(path):
    return results_file.read(path)[0]


def test_quick_form_measures_and_adds(tmp_path, capsys):
    out = tmp_path / "quick.csv"
    options = ["--quick", "--out", str(out)]
    with warnings.catch_warnings():  # dse-dsmi changes the filters
        assert bench.main([*options, "--jobs", "dse_4000,dse_mnist_60000_2gib"]) == 0
    table = _rows(out)
    assert [row["job"] for row in table] == ["dse_mnist_60000_2gib", *["dse_4000"] * 2]
    assert float(table[1]["value"]) == pytest.approx(float(table[2]["value"]), abs=2e-3)
    beside = _rows(tmp_path / "quick_breakdown.csv")
    assert [row["job"] for row in beside] == ["dse_mnist_60000_2gib", "dse_4000"]
    for row in beside:
        parts = [float(row[stage]) for stage in (*stages.STAGES, stages.REST)]
        assert sum(parts) == pytest.approx(float(row["profiled_seconds"]), rel=1e-4)
    # More rows; those of other jobs stay.
    more = ["--add", "--jobs", "dse_?000,dse_?000_dense", "--skip", "*_dense"]
    assert bench.main([*options, *more, "--contenders", "skdse"]) == 0
    assert _rows(out)[0] == table[0]
    assert len(_rows(out)) == 3
    assert "dse_4000" in capsys.readouterr().out


def test_another_checkout_takes_its_turns(tmp_path, capfd):
    out = tmp_path / "out.csv"
    options = ["--quick", "--out", str(out), "--jobs", "dse_4000", "--no-breakdown"]
    options += ["--contenders", "skdse"]
    assert bench.main([*options, "--against", str(PACKAGE.parent)]) == 0
    (row,) = _rows(out)
    ratio = float(row["seconds"]) / float(row["before_seconds"])
    assert float(row["of_before"]) == pytest.approx(ratio, rel=1e-4)
    assert not (tmp_path / "out_breakdown.csv").exists()
    # One that does not work is told of; the table has the rest.
    broken = tmp_path / "checkout"
    (broken / "skdse").mkdir(parents=True)
    (broken / "skdse" / "__init__.py").touch()
    assert bench.main([*options, "--against", str(broken)]) == 1
    assert "failed: dse_4000, skdse before: exit status 1" in capfd.readouterr().out
    assert _rows(out)[0]["before_seconds"] == ""


def test_peer_and_long_contenders_run_less_often():
    options = bench.parse(["--repeats", "4", "--peer-repeats", "2"])
    job = jobs.JOBS["dse_4000"]
    assert bench.n_repeats(job, jobs.PEER, options) == 2
    assert bench.n_repeats(job, jobs.SKDSE, options) == 4
    job = jobs.JOBS["dse_10000"]
    assert bench.n_repeats(job, jobs.PEER, options) == 1
    with pytest.raises(SystemExit, match="no such job"):
        bench.main(["--jobs", "nonsense"])


def test_tables_of_the_page_have_its_columns():
    for name, columns in (
        ("results.csv", bench.COLUMNS),
        ("results_breakdown.csv", bench.BREAKDOWN),
    ):
        rows = _rows(BENCHMARKS / name)
        assert tuple(rows[0]) == columns
        assert {row["job"] for row in rows} <= set(jobs.JOBS)
    figure = (BENCHMARKS / "figures" / "breakdown.py").read_text(encoding="utf-8")
    for stage in (*stages.STAGES, stages.REST):
        assert f'"{stage}"' in figure


# Limits


@pytest.mark.skipif(sys.platform != "linux", reason="its limit is that of Linux")
def test_a_limit_of_memory_is_what_is_available():
    code = (
        "import sys, numpy as np; sys.path.insert(0, sys.argv[1]);"
        "from measure import limited; from skdse import DiffusionSpectralEntropy as D;"
        "X = np.random.default_rng(0).normal(size=(6000, 3));"
        "dse = D(bandwidth=1.0, eigen_solver='arpack', n_components=2);\n"
        "with limited(0.2):\n    dse.fit(X)"
    )
    command = [sys.executable, "-c", code, str(BENCHMARKS)]
    done = subprocess.run(command, capture_output=True, text=True)
    # 6000² · 8 bytes are 0.27 GiB: refused before they are taken.
    assert "needs 0.3 GiB with its working copies, 0.2 GiB are available" in done.stderr
    assert done.returncode == 1


@pytest.mark.skipif(sys.platform == "win32", reason="takes memory from resource")
def test_a_report_of_many_files_is_measured(tmp_path):
    out = tmp_path / "out.csv"
    command = [sys.executable, str(BENCHMARKS / "many_files.py"), "--csv", str(out)]
    command += ["--n-files=3", "--n-samples=60", "--n-features=4", "--labels"]
    environment = os.environ | {"PYTHONPATH": str(PACKAGE.parent)}
    for limits, status in ([], 0), (["--max-ratio=1"], 1), (["--max-gib=0.01"], 1):
        done = subprocess.run(command + limits, env=environment, capture_output=True)
        assert done.returncode == status
    row = _rows(out)[0]
    assert row["files"] == "3"
    seconds, measuring = float(row["seconds"]), float(row["measuring"])
    assert float(row["ratio"]) == pytest.approx(seconds / measuring, rel=0.1)  # rounded
    assert 0.05 < float(row["resident_gib"]) < 1
    # The table of the page has its columns, and keeps to what was aimed at.
    table = _rows(BENCHMARKS / "many_files.csv")
    assert set(table[0]) == set(row)
    for row in table:
        assert float(row["ratio"]) <= 1.1
        assert float(row["resident_gib"]) <= 1
