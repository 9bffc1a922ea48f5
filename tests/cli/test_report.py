"""Rows of the report: the layers of a perceptron on the bundled digits."""

import json
from contextlib import redirect_stdout
from io import StringIO

import numpy as np
import pytest
from commands import PNG
from scipy.special import softmax
from sklearn.neural_network import MLPClassifier
from threadpoolctl import threadpool_limits

from skdse import DiffusionSpectralEntropy, DiffusionSpectralMI
from skdse._cli import report as _report
from skdse._cli.arguments import main


@pytest.fixture(scope="module")
def report_of_digits(tmp_path_factory):
    """Lines printed without arguments, the records behind them, and their plot."""
    path = tmp_path_factory.mktemp("digits") / "profile.png"
    with redirect_stdout(StringIO()) as table:
        assert main([]) == 0
    with redirect_stdout(StringIO()) as records:
        assert main(["report", "--json", "--plot", str(path)]) == 0
    return table.getvalue().splitlines(), json.loads(records.getvalue()), path


def test_no_argument_measures_the_digits_layer_by_layer(report_of_digits):
    lines, records, _ = report_of_digits
    header = next(i for i, line in enumerate(lines) if "DSE [bits]" in line)
    columns = ["DSE [bits]", "DSMI(Z;Y) [bits]", "DSMI(Z;X) [bits]", "effective rank"]
    assert lines[header].split(maxsplit=2)[2].split("  ") == columns
    rows = [line.rsplit(maxsplit=5) for line in lines[header + 1 : header + 5]]
    names = ["input", "hidden 1", "hidden 2", "output"]
    assert [row[0].strip() for row in rows] == names
    for row, record, width in zip(rows, records, (64, 64, 32, 10), strict=True):
        measures = [record[key] for key in ("dse", "dsmi", "dsmi_input")]
        shown = [f"{value:.3f}" for value in measures]
        assert row[1:] == [str(width), *shown, f"{record['effective_rank']:.1f}"]
    assert lines[-1] == f"Test accuracy: {records[0]['test_accuracy']:.3f}"


def test_perceptron_learns_and_gathers_the_digits(report_of_digits):
    _, records, _ = report_of_digits
    assert records[0]["test_accuracy"] > 0.95
    entropies = [one["dse"] for one in records]
    assert entropies == sorted(entropies, reverse=True)
    # Layer by layer less is told, and more of what is told is of the digit.
    shares = [one["dsmi"] / one["dse"] for one in records]
    assert shares == sorted(shares)


def test_layers_agree_with_the_estimators(report_of_digits):
    _, records, _ = report_of_digits
    # One thread, as the command takes: the network depends on it in the last digits.
    with threadpool_limits(1):
        mlp, X, y = _report.train_perceptron()
        name, Z = list(_report.layers_of(mlp, X))[2]
        dse = DiffusionSpectralEntropy(random_state=0).fit(Z)
        by_label = DiffusionSpectralMI(random_state=0).fit(Z, y)
        by_input = DiffusionSpectralMI(target="continuous", random_state=0).fit(X, X)
        by_input.set_params(target="discrete").fit(Z, by_input.labels_)
    assert records[2]["name"] == name
    # Trained anew, and yet the same bits.
    assert records[2]["dse"] == dse.entropy_
    assert records[2]["dsmi"] == by_label.mutual_info_
    assert records[2]["dsmi_input"] == by_input.mutual_info_
    assert records[2]["test_accuracy"] == mlp.score(X, y)


def test_plot_of_the_layers(report_of_digits):
    *_, path = report_of_digits
    assert path.read_bytes().startswith(PNG)


def test_layers_end_in_the_logits_of_the_network(digits):
    X, y = digits
    mlp = MLPClassifier((5, 3), solver="lbfgs", max_iter=500, random_state=0).fit(X, y)
    layers = dict(_report.layers_of(mlp, X))
    assert list(layers) == ["input", "hidden 1", "hidden 2", "output"]
    shares = softmax(layers["output"], axis=1)
    np.testing.assert_allclose(shares, mlp.predict_proba(X), atol=1e-12)
