"""What the studies conclude with: trend tests, resumed tables, collected findings."""

import sys
from importlib import import_module
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy.stats import kendalltau

STUDIES = Path(__file__).parent.parent / "doc" / "studies"
sys.path.insert(0, str(STUDIES))
common, findings, headline, trends = map(
    import_module, ("common", "findings", "headline", "trends")
)


# Trends


def test_kendall_score_of_known_series():
    # All 10 pairs of 5 values rise; variance 5 · 4 · 15 / 18.
    S, variance = trends.kendall_score([1, 2, 3, 4, 5])
    assert S == 10
    assert variance == pytest.approx(5 * 4 * 15 / 18)
    assert trends.kendall_score([5, 4, 3, 2, 1])[0] == -10
    # One tie of two takes 2 · 1 · 9 / 18 off; 5 of the 6 pairs rise.
    S, variance = trends.kendall_score([1, 2, 2, 3])
    assert S == 5
    assert variance == pytest.approx((4 * 3 * 13 - 2 * 9) / 18)


def test_mann_kendall_of_one_series_is_kendalls_tau():
    values = np.random.default_rng(0).normal(size=30) + np.arange(30) / 20
    tau, p = trends.mann_kendall([values])
    known = kendalltau(np.arange(30), values, method="asymptotic")
    assert tau == pytest.approx(known.statistic)
    # scipy makes no correction for continuity.
    assert p == pytest.approx(known.pvalue, rel=0.2)


def test_shared_trend_is_seen_where_single_ones_are_not():
    rng = np.random.default_rng(1)
    series = [rng.normal(size=12) + 0.12 * np.arange(12) for _ in range(8)]
    tau, p = trends.mann_kendall(series)
    assert tau > 0
    assert p < 0.001
    assert np.median([trends.mann_kendall([one])[1] for one in series]) > 0.01


def test_opposite_trends_cancel():
    tau, p = trends.mann_kendall([np.arange(10), -np.arange(10)])
    assert tau == 0
    assert p == pytest.approx(1)


def test_constant_series_have_no_trend():
    assert trends.mann_kendall([np.ones(9), np.zeros(5)]) == (0.0, 1.0)


def test_mann_kendall_is_calibrated():
    rng = np.random.default_rng(2)
    p = [trends.mann_kendall(rng.normal(size=(3, 15)))[1] for _ in range(2000)]
    # 5 % of 2000 with a standard deviation of 0.5 %; the correction makes it lower.
    assert 0.03 < np.mean(np.array(p) < 0.05) < 0.06


def test_sign_test_of_known_signs():
    # Six of six: 2 / 2**6. A zero does not count.
    assert trends.sign_test([1, 2, 0.5, 3, 1, 0.1]) == (1.0, pytest.approx(2 / 64))
    assert trends.sign_test([1, -1, 0]) == (0.5, 1.0)
    assert trends.sign_test([0, 0]) == (0.5, 1.0)


UP, JUMP, BACK = np.arange(9.0), np.array([0, 5, 4, 4.1, 4.2, 4.3]), [0, 9, 8, 7, 6, 5]


@pytest.mark.parametrize(
    ("series", "expected"),
    [
        ([UP] * 6, "rises"),
        ([-UP] * 6, "falls"),
        ([UP] * 5, "mixed"),  # five signs alone have p = 2 / 32
        ([UP] * 5 + [-UP], "mixed"),
        ([JUMP] * 6, "rises"),
        ([BACK] * 6, "mixed"),  # higher at last, but falling
    ],
)
def test_direction_needs_agreement_beyond_chance(series, expected):
    assert trends.direction(series) == expected


# Tables


def test_cases_are_run_once_and_resumed(tmp_path):
    calls = []

    def square(kind, x):
        calls.append(x)
        return [{"power": power, "value": x**power} for power in (2, 3)]

    path = tmp_path / "table.csv"
    cases = [{"kind": "a", "x": x} for x in (1, 2)]
    common.run_cases(path, cases, square)
    table = common.run_cases(path, [*cases, {"kind": "a", "x": 3}], square)
    assert calls == [1, 2, 3]
    assert table["value"].tolist() == [1, 1, 4, 8, 9, 27]
    assert table["kind"].tolist() == ["a"] * 6


def test_seed_depends_on_every_part():
    seeds = {common.seed_of("a", 1), common.seed_of("a", 2), common.seed_of("b", 1)}
    assert len(seeds) == 3
    assert common.seed_of("a", 1) in seeds


def test_images_of_a_file_are_those_on_disk(tmp_path):
    rng = np.random.default_rng(0)
    X = rng.integers(0, 256, size=(50, 32, 32, 3), dtype=np.uint8)
    y = np.arange(50) % 10
    np.savez(
        tmp_path / "cifar10.npz", X_train=X, y_train=y, X_test=X[::-1], y_test=y[::-1]
    )
    images = common.load_images("cifar10", tmp_path, n_train=20, n_test=10)
    assert images.train.shape == (20, 3, 32, 32)
    assert images.train.std() == pytest.approx(1, abs=1e-3)
    assert images.n_measured == 5
    for pixels, label in zip(images.pixels(), images.y_test, strict=True):
        row = np.flatnonzero((X == pixels).all(axis=(1, 2, 3)))
        assert y[row] == [label]


def test_findings_are_collected_in_order(tmp_path, capsys):
    for name in ("4. Initialisation, a", "1. DSE rises (x)", "Noise moves DSE little"):
        (tmp_path / "results").mkdir(exist_ok=True)
        common.write_finding(
            tmp_path, name, "setting", "claim", "measured", "confirmed"
        )
    table = findings.collect(tmp_path / "results" / "findings")
    assert table["Finding"].tolist() == [
        "Noise moves DSE little",
        "1. DSE rises (x)",
        "4. Initialisation, a",
    ]
    assert "confirmed" in capsys.readouterr().out


# Forms of DSMI


def test_forms_of_a_known_measure():
    # Entropies of 5 and 2 bits; labels of 10 classes have log2 10 = 3.32 of them.
    table = pd.DataFrame(
        {"bits": [1.0, 1.0], "share": [0.2, 0.5], "setting": ["a", "b"]}
    )
    table["permuted"], table["spread"], table["DSE"] = [0.1, np.nan], 0.3, [4, np.nan]
    forms = headline.with_forms(table).set_index(["setting", "form"])["value"]
    assert forms["a"].to_dict() == pytest.approx(
        {
            "bits": 1,
            "share": 0.2,
            "of H(Y)": 1 / np.log2(10),
            "less chance": 0.9,
            "adjusted for chance": 0.9 / (np.log2(10) - 0.1),
            "z-score": 3,
            "of DSE": 0.25,
        }
    )
    # What was not measured with permuted labels has no such form.
    assert forms["b"].to_dict() == {"bits": 1, "share": 0.5, "of H(Y)": 0.5}


def test_accuracies_within_a_standard_error_are_ties():
    # sqrt(2 * 0.25 / 100) = 0.071 from 0.5 to 0.56, sqrt(0.34 / 100) = 0.058 to 0.9.
    i, j, signs = headline.decided([0.5, 0.9, 0.56], 100)
    assert list(zip(i, j, signs, strict=True)) == [(0, 1, 1), (1, 2, -1)]
    i, _, _ = headline.decided([0.5, 0.9, 0.56], 1000)
    assert len(i) == 3


def test_tau_counts_decided_pairs_of_every_seed():
    table = pd.DataFrame(
        {
            "linear": [0.2, 0.5, 0.8, 0.2, 0.5, 0.505],
            "value": [1, 3, 2, 2, 1, 3],
            "seed": [1, 1, 1, 2, 2, 2],
            "n": 1000,
            "setting": "a",
            "form": "bits",
            "dataset": "x",
        }
    )
    # Two of three pairs of the first seed are in order; of the second seed one is and
    # one is not, and the third is a tie.
    found = headline.taus(table, ["dataset"]).loc["a", "bits", "x"]
    assert found.to_dict() == {"order": 1, "pairs": 5, "τ": 0.2}


def test_change_is_that_from_first_to_last_point():
    where = {"setting": "a", "form": "bits", "dataset": "x", "architecture": "y"}
    points = {"point": [10, 0, 2] * 3, "seed": np.repeat([1, 2, 3], 3)}
    values = {"value": [3, 1, 9, 4, 1, 9, 9, 1, 9]}
    table = pd.DataFrame(points | values).assign(layer="hidden", **where)
    assert headline.changes(table).tolist() == [3]


def test_zoos_compare_with_the_default_in_bits():
    results = STUDIES / "results"
    found = headline.zoo_table(results)
    for name, title in headline.ZOOS.items():
        known = pd.read_csv(results / f"correlations_{name}.csv", index_col="score")
        for form, end in (("bits", ""), ("share", " (share)")):
            score = f"DSMI(Z;Y) {headline.DEFAULT.name}{end}"
            for kind in headline.KINDS:
                row = found.loc[form, headline.DEFAULT.name]
                # Both are rounded, scores to 4 digits.
                assert row[f"{title} {kind}"] == pytest.approx(
                    known.loc[score, f"linear {kind}"], abs=2e-3
                )
    assert found.loc["bits", headline.DEFAULT.name]["lost"] == 0
    pair = found.loc[["bits", "share"]].xs(headline.DEFAULT.name, level="setting")
    differences = (pair.loc["share"] - pair.loc["bits"]).drop("lost")
    assert pair.loc["share", "lost"] == pytest.approx(differences.min())
    assert differences.max() > 0 > differences.min()
    assert found["lost"].min() < -0.5


def test_moved_digits_are_whole_and_lie_about():
    pytest.importorskip("torch")
    networks = import_module("headline_networks")
    X = np.arange(1.0, 65.0)[None].repeat(50, axis=0)
    moved = networks.move(X, np.random.default_rng(0))
    side = networks.SIDE
    assert moved.shape == (50, side**2)
    np.testing.assert_array_equal(moved.sum(axis=1), X.sum(axis=1))
    for canvas in moved.reshape(-1, side, side):
        # Row by row, what is not empty is the digit.
        np.testing.assert_array_equal(canvas[canvas > 0], X[0])
    assert len(np.unique(moved.argmax(axis=1))) > 10
