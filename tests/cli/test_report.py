"""Rows of the report without files: a perceptron in training on the digits."""

import json
import re
from contextlib import redirect_stdout
from io import StringIO
from pathlib import Path

import numpy as np
import pytest
from by_hand import share, wide
from commands import PNG, records
from matplotlib.figure import Figure
from numpy.testing import assert_allclose
from sklearn.neural_network import MLPClassifier
from threadpoolctl import threadpool_limits

from skdse import DiffusionSpectralEntropy
from skdse._cli import digits
from skdse._cli.arguments import main

README = Path(__file__).parent.parent.parent / "README.md"
FORMS = {"dsmi_share": share, "dsmi_wide": wide}


@pytest.fixture(scope="module")
def report_of_digits(tmp_path_factory):
    """Lines printed without arguments, the records behind them, and their plot."""
    path = tmp_path_factory.mktemp("digits") / "training.png"
    with redirect_stdout(StringIO()) as table:
        assert main([]) == 0
    with redirect_stdout(StringIO()) as records:
        assert main(["report", "--json", "--plot", str(path)]) == 0
    return table.getvalue(), json.loads(records.getvalue()), path


def test_no_argument_measures_the_digits_in_training(report_of_digits):
    table, records, _ = report_of_digits
    header, *rows = table.splitlines()[5:]
    assert re.split("  +", header) == [
        *("labels", "epoch", "test accuracy"),
        *("DSE [bits]", "DSMI share", "± s.e.", "DSMI wide [bits]", "± s.e."),
    ]
    assert len(rows) == len(records) == 10
    of_forms = [f"{name}{end}" for name in FORMS for end in ("", "_std_error")]
    keys = "test_accuracy", "dse", *of_forms
    for row, record in zip(rows, records, strict=True):
        shown = [f"{record[key]:.3f}" for key in keys]
        assert row.split() == [record["labels"], str(record["epoch"]), *shown]
    states = [(one["labels"], one["epoch"]) for one in records]
    epochs = [0, 1, 3, 10, 30]
    assert states == [(kind, i) for kind in ("right", "permuted") for i in epochs]
    assert {one["n_features"] for one in records} == {32}


def test_readme_shows_what_is_printed(report_of_digits):
    table, *_ = report_of_digits
    text = README.read_text(encoding="utf-8")
    shown = text.partition("```text\n")[2].partition("```")[0]
    numbers = r"\d+\.\d+"
    assert re.sub(numbers, "", shown) == re.sub(numbers, "", table)
    # Thirty epochs of other roundings end in another network of the same kind.
    values = [
        [float(one) for one in re.findall(numbers, text)] for text in (shown, table)
    ]
    assert_allclose(*values, rtol=0.03, atol=0.03)


# Ten seeds: apart by 0.013 or more in shares and 0.13 in bits, and with permuted labels
# lower at the end than at the start, by 0.005 and 0.06 or more.
@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize(("form", "gap"), [(share, 0.01), (wide, 0.1)])
def test_dsmi_tells_learning_from_memorising(seed, form, gap):
    X, X_test, y, y_test = digits.halves(seed)
    with threadpool_limits(1):
        found = {
            (labels, epoch): (
                form().fit(digits.last_hidden(mlp, X_test), y_test).mutual_info_,
                mlp.score(X_test, y_test),
            )
            for labels, epoch, mlp in digits.states(X, y, seed)
        }
    learned = [found["right", epoch] for epoch in digits.EPOCHS[1:]]
    rest = [found["permuted", epoch] for epoch in digits.EPOCHS]
    assert found["right", 0] == pytest.approx(found["permuted", 0], abs=1e-6)
    assert min(learned)[0] > max(rest)[0] + gap
    assert rest[-1][0] < rest[0][0]
    assert learned[-1][1] > 0.95
    assert max(accuracy for _, accuracy in rest) < 0.25


def test_states_agree_with_the_estimators(report_of_digits):
    _, records, _ = report_of_digits
    X, X_test, y, y_test = digits.halves()
    # One thread, as the command takes: the network depends on it in the last digits.
    with threadpool_limits(1):
        mlp = MLPClassifier((64, 32), learning_rate_init=0.01, random_state=0)
        for _ in range(3):
            mlp.partial_fit(X, y, classes=range(10))
        Z = X_test
        for W, b in zip(mlp.coefs_[:2], mlp.intercepts_[:2], strict=True):
            Z = np.maximum(Z @ W + b, 0)
        dse = DiffusionSpectralEntropy(random_state=0).fit(Z)
        forms = {name: form().fit(Z, y_test) for name, form in FORMS.items()}
    record = records[2]
    assert (record["labels"], record["epoch"]) == ("right", 3)
    # Trained anew, and yet the same bits.
    assert record["dse"] == dse.entropy_
    for name, dsmi in forms.items():
        assert record[name] == dsmi.mutual_info_
        assert record[f"{name}_std_error"] == dsmi.mutual_info_std_error_
    assert record["test_accuracy"] == mlp.score(X_test, y_test)


def test_options_reach_the_measures_of_the_digits(capsys, monkeypatch):
    monkeypatch.setattr(digits, "EPOCHS", (0, 1))
    options = "--bandwidth-neighbors", "5", "--t", "2", "--normalize"
    record = records(capsys, *options)[1]
    X, X_test, y, y_test = digits.halves()
    with threadpool_limits(1):
        *_, (_, _, mlp) = list(digits.states(X, y))[:2]
        Z = digits.last_hidden(mlp, X_test)
        given = {"bandwidth_neighbors": 5, "t": 2}
        forms = {
            name: form(True, of_entropy=given).fit(Z, y_test)
            for name, form in FORMS.items()
        }
    for name, dsmi in forms.items():
        assert record[name] == dsmi.mutual_info_
    assert record["dse"] < 1


def test_plot_of_the_training(report_of_digits):
    _, records, path = report_of_digits
    assert path.read_bytes().startswith(PNG)
    figure = Figure()
    digits.draw(records, {"dse": "bits", "dsmi_wide": "bits"}, figure)
    assert [ax.get_ylabel() for ax in figure.axes] == [
        "test accuracy",
        "DSMI share\n(to compare representations)",
        "DSMI wide [bits]\n(to follow a network)",
        "DSE [bits]",
    ]
    for ax, key in zip(figure.axes, ("test_accuracy", *FORMS, "dse"), strict=True):
        for line, kind in zip(ax.lines, ("right", "permuted"), strict=True):
            values = [one[key] for one in records if one["labels"] == kind]
            assert line.get_ydata().tolist() == values
            assert line.get_xdata().tolist() == [0, 1, 3, 10, 30]
