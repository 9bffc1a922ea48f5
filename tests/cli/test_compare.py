"""Differences of two reports, beside their standard errors."""

import json
from pathlib import Path

import numpy as np
import pytest
from commands import records

from skdse._cli.arguments import main

ROW = {"name": "a", "n_samples": 60, "dse": 2.0, "dse_std_error": 0.03}


def save(file, *rows):
    Path(file).write_text(json.dumps([ROW | row for row in rows]))


def compared(capsys, *arguments):
    """Records of the differences."""
    assert main(["compare", *arguments, "--json"]) == 0
    return json.loads(capsys.readouterr().out)


def lines(capsys, *arguments):
    """Lines that are printed."""
    assert main(["compare", *arguments]) == 0
    return capsys.readouterr().out.splitlines()


def refusal(capsys, *arguments):
    """The line of an error."""
    with pytest.raises(SystemExit) as info:
        main(["compare", *arguments])
    assert info.value.code == 2
    return capsys.readouterr().err.removeprefix("skdse: error: ").rstrip("\n")


@pytest.fixture(autouse=True)
def _folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def test_a_difference_has_the_error_of_both(capsys):
    save("a.json", {}, {"name": "b", "dsmi": 1.0, "dsmi_std_error": 0.1})
    save(
        "b.json",
        {"dse": 2.04, "dse_std_error": 0.04},
        {"name": "b", "dse": 2.2, "dsmi": 0.5, "dsmi_std_error": None},
    )
    first, second, third = compared(capsys, "a.json", "b.json")
    # sqrt(0.03² + 0.04²) = 0.05
    assert first["difference"] == pytest.approx(0.04)
    assert first["std_error"] == pytest.approx(0.05)
    assert first["exceeds"] is False
    assert second["std_error"] == pytest.approx(0.03 * 2**0.5)
    assert second["exceeds"] is True
    assert (third["measure"], third["difference"]) == ("dsmi", -0.5)
    assert third["std_error"] is third["exceeds"] is None
    shown = lines(capsys, "a.json", "b.json")
    assert shown[0].split("  ")[-1] == "exceeds"
    assert shown[1].split() == "a DSE 2.000 2.040 0.040 0.050 0.8 no".split()
    assert shown[2].split() == "b DSE 2.000 2.200 0.200 0.042 4.7 yes".split()
    assert shown[3].split() == "b DSMI(Z;Y) 1.000 0.500 -0.500 - - -".split()
    assert len({len(line) for line in shown[:4]}) == 1
    assert shown[-1] == (
        "1 of 2 differences exceed their standard error, 1 exceed it twice."
    )


def test_exact_values_differ_or_not(capsys):
    exact = {"dse_std_error": 0.0}
    save("a.json", exact, exact | {"name": "b"})
    save("b.json", exact, exact | {"name": "b", "dse": 2.0001})
    first, second = compared(capsys, "a.json", "b.json")
    assert (first["exceeds"], second["exceeds"]) == (False, True)


def test_what_else_differs_is_told(capsys):
    of_a = {"settings": '{"dse": {"t": 1}}', "versions": '{"skdse": "0.1"}'}
    of_b = {"settings": '{"dse": {"t": 2}}', "versions": '{"skdse": "0.2"}'}
    save("a.json", of_a, {"name": "gone"})
    save("b.json", of_b | {"n_samples": 50}, {"name": "new"}, {"name": "more"})
    assert lines(capsys, "a.json", "b.json")[-5:] == [
        "1 rows are in a.json alone: gone.",
        "2 rows are in b.json alone: new, more.",
        "settings differ: dse.t 1 → 2.",
        "versions differ: skdse 0.1 → 0.2.",
        "1 rows have other numbers of samples, with which entropies grow: a.",
    ]


@pytest.mark.parametrize("suffix", ["csv", "parquet", "json"])
def test_files_of_reports_are_compared(capsys, suffix):
    r = np.random.default_rng(0)
    y = np.arange(600) % 3
    for scale in (1, 5):
        Z = r.normal(size=(600, 4)) + scale * y[:, None]
        Path(f"run{scale}").mkdir()
        np.save(f"run{scale}/a.npy", Z)
    np.save("y.npy", y)
    for scale in (1, 5):
        out = f"r{scale}.{suffix}"
        where = ["--out", out] if suffix != "json" else []
        arguments = [f"run{scale}", "--labels", "y.npy", *where]
        printed = records(capsys, *arguments)
        if suffix == "json":
            Path(out).write_text(json.dumps(printed))
    found = compared(capsys, f"r1.{suffix}", f"r5.{suffix}")
    by_measure = {one["measure"]: one for one in found}
    assert set(by_measure) == {"dse", "dsmi_share", "dsmi_wide"}
    assert by_measure["dsmi_wide"]["difference"] > 0.1
    assert all(by_measure[f"dsmi_{form}"]["exceeds"] for form in ("share", "wide"))
    assert all(
        one["difference"] == 0 for one in compared(capsys, *[f"r1.{suffix}"] * 2)
    )


def test_the_last_row_of_a_name_counts(capsys):
    save("a.json", {"dse": 1.0}, {"dse": 3.0})
    save("b.json", {})
    assert compared(capsys, "a.json", "b.json")[0]["a"] == 3.0


def test_errors(capsys):
    save("a.json", {})
    save("b.json", {"name": "b"})
    Path("c.csv").write_text("a,b\n1,2\n")
    Path("d.json").write_text("{}")
    Path("e.csv").write_text("")
    Path("f.json").write_text("[")
    for file, message in [
        ("b.json", "a.json and b.json have no name in common."),
        ("c.csv", "c.csv: these are not results of skdse report."),
        ("d.json", "d.json: these are not results of skdse report."),
        ("e.csv", "e.csv: these are not results of skdse report."),
        ("g.csv", "g.csv: no such file."),
        (
            "g.txt",
            "g.txt: the extension must be one of ['.csv', '.json', '.parquet']; got "
            "'.txt'.",
        ),
    ]:
        assert refusal(capsys, "a.json", file) == message
    assert refusal(capsys, "a.json", "f.json").startswith("f.json: Expecting value")
    assert refusal(capsys, "a.json").endswith("arguments are required: B")
