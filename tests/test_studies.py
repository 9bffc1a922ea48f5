"""What the studies conclude with: trends, tables, findings and their pictures."""

import re
import sys
from importlib import import_module
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from scipy.stats import kendalltau, pearsonr, spearmanr

from skdse.plotting import _axes

STUDIES = Path(__file__).parent.parent / "doc" / "studies"
sys.path.insert(0, str(STUDIES))
common, findings, headline, trends = map(
    import_module, ("common", "findings", "headline", "trends")
)
pictures, shared = map(import_module, ("finding_figures", "small_figures"))


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


def test_correlations_across_models_are_of_the_zoos_of_images():
    # Scores of later sets lie beside them and have no DSE.
    pytest.importorskip("torch")
    study = import_module("across_models")
    table = study.zoo_correlations(RESULTS, study.DATASETS)
    known = pd.read_csv(RESULTS / "across_models_zoo.csv")
    pd.testing.assert_frame_equal(table.round(3), known)


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


# The worst of all sets


@pytest.fixture
def worst():
    pytest.importorskip("torch")
    return import_module("worst_of_sets")


@pytest.fixture
def two_sets(worst):
    """Scores of two sets: one follows accuracy on both, one on the first alone."""
    rng = np.random.default_rng(0)
    tables = {}
    for data, sign in (("mnist", 1), ("cifar10", -1)):
        accuracy = rng.random(60)
        noise = rng.normal(scale=0.1, size=(2, 60))
        tables[data] = pd.DataFrame(
            {
                "linear accuracy": accuracy,
                worst.CHOSEN: sign * accuracy + noise[0],
                "DSMI(Z;Y) both": accuracy + noise[1],
                "DSMI(Z;Y) nothing": np.zeros(60),
            }
        )
    return tables


def test_correlations_are_those_of_scipy(worst, two_sets):
    table = two_sets["cifar10"].round(1)  # with ties
    names = list(table)[1:]
    pearson, spearman = worst.correlations(table, names)
    for i, name in enumerate(names[:2]):
        expected = pearsonr(table[name], table["linear accuracy"]).statistic
        assert pearson[i] == pytest.approx(expected)
        expected = spearmanr(table[name], table["linear accuracy"]).statistic
        assert spearman[i] == pytest.approx(expected)
    assert pearson[2] == spearman[2] == 0  # a constant tells nothing


def test_best_is_what_does_well_on_its_worst_set(worst):
    nan = np.nan
    columns = {"A Pearson": [0.9, 0.7, nan], "B Spearman": [0.1, 0.6, 0.99]}
    table = worst.with_worst(pd.DataFrame(columns, ["x", "y", "z"]))
    assert list(table.index) == ["y", "x", "z"]
    assert list(table["worst"][:2]) == [0.6, 0.1]
    assert list(table["where"][:2]) == ["B Spearman", "B Spearman"]
    # Of what a set does not have, the worst is not known.
    assert table.loc["z", ["worst", "where", "mean"]].isna().all()


def test_the_set_left_out_takes_no_part_in_the_choice(worst):
    names = [worst.CHOSEN, "DSMI(Z;Y) x", "DSMI(Z;Y) y", "LogME"]
    columns = {
        "MNIST Pearson": [0.8, 0.9, 0.2, 1.0],
        "MNIST Spearman": [0.7, 0.9, 0.2, 1.0],
        "news Pearson": [0.6, 0.5, 0.9, 1.0],
        "news Spearman": [0.6, 0.4, 0.9, 1.0],
    }
    table = worst.left_out(pd.DataFrame(columns, names))
    assert list(table.index) == ["MNIST", "news"]
    assert list(table.loc["MNIST"]) == ["y", 0.2, 0.7, 0.9]
    assert list(table.loc["news"]) == ["x", 0.4, 0.6, 0.9]


def test_gains_over_the_default_are_found(worst, two_sets):
    two_sets["mnist"]["DSMI(Z;Y) of one set alone"] = 0.0
    found = worst.gains(two_sets, list(two_sets["mnist"])[1:])
    assert list(found.loc[worst.CHOSEN]) == [0, 0]
    # The default's worst correlation is about -0.95, that of the other 0.95.
    assert found.loc["DSMI(Z;Y) both", "gain from"] > 1.5
    assert "DSMI(Z;Y) of one set alone" not in found.index


# Pictures of the findings

RESULTS = STUDIES / "results"
CARDS = re.findall(
    r"\.\. finding:: (.+)\n +:figure: (.+)\n +:study: (.+)\n\n((?: {6}.+\n)+)",
    (STUDIES / "findings.rst").read_text(encoding="utf-8"),
)
FIGURES = [card[1] for card in CARDS]
# Columns that were measured; what is drawn of them is linear in them.
MEASURED = ("entropy", "mutual_info", "seconds", "share", "DSE(Z)", "DSMI(Z;Y)")
MEASURED += ("DSMI(Z;X)", "Spearman", "Spearman from", "to", "DSE at the start")
MEASURED += ("final accuracy",)


@pytest.fixture
def results(tmp_path):
    """Copies of the tables."""
    for path in RESULTS.glob("*.csv"):
        (tmp_path / path.name).write_bytes(path.read_bytes())
    return tmp_path


def _drawn(name, folder):
    """Points of all lines of a picture: those that were measured, and the claimed."""
    getattr(pictures, name)(folder)
    lines = [line for ax in plt.gcf().axes for line in ax.lines]
    plt.close()
    claims = [line.get_color() == shared.CLAIM["color"] for line in lines]
    points = [np.column_stack(line.get_data(orig=False)) for line in lines]
    measured = [one for one, claim in zip(points, claims, strict=True) if not claim]
    return measured, [one for one, claim in zip(points, claims, strict=True) if claim]


def test_every_finding_has_one_card_and_one_picture():
    names = pd.read_csv(RESULTS / "findings.csv")["Finding"]
    pattern = "|".join(rf"{re.escape(card[0])}( \(.+\))?" for card in CARDS)
    assert [name for name in names if not re.fullmatch(pattern, name)] == []
    for name, figure, study, alt in CARDS:
        starts = [one for one in names if one.startswith(name)]
        assert starts, f"no finding is called {name}"
        pages = [path.read_text(encoding="utf-8") for path in STUDIES.glob("*.rst")]
        assert sum(f".. _{study}:" in page for page in pages) == 1
        assert len(alt.split()) > 10
        assert getattr(pictures, figure).__doc__
    assert len(set(FIGURES)) == len(FIGURES) == len({card[0] for card in CARDS})


@pytest.mark.parametrize("name", FIGURES)
def test_pictures_draw_what_the_tables_have(name, results):
    before, _ = _drawn(name, RESULTS)
    for path in results.glob("*.csv"):
        table = pd.read_csv(path)
        columns = [one for one in table if one in MEASURED]
        table.assign(**2 * table[columns]).to_csv(path, index=False)
    after, _ = _drawn(name, results)
    assert len(before) >= 3
    for old, new in zip(before, after, strict=True):
        along = [np.allclose(b, 2 * a) for a, b in zip(old.T, new.T, strict=True)]
        still = [np.allclose(a, b) for a, b in zip(old.T, new.T, strict=True)]
        assert all(np.logical_or(along, still))
        # Only what lies at zero stays where it was.
        assert not all(still) or np.any(np.all(np.abs(old) < 1e-8, axis=0))


@pytest.mark.parametrize(
    ("name", "old", "new", "drawn"),
    [
        ("many_dimensions", "0.58 of 1.3 bits", "0.7 of 1.25 bits", [0.7, 1.25]),
        ("seconds", "KSG 3,600", "KSG 7,200", [7200]),
        ("seconds", "DSMI takes 300 s", "DSMI takes 250 s", [250]),
        ("across_models", "DSMI(Z;X) 0.076 / 0.008", "DSMI(Z;X) 0 / -0.5", [-0.5]),
    ],
)
def test_pictures_draw_what_was_claimed(name, old, new, drawn, results):
    path = results / "findings.csv"
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new), encoding="utf-8")
    _, before = _drawn(name, RESULTS)
    _, after = _drawn(name, results)
    assert not np.isin(drawn, np.concatenate(before)).any()
    assert np.isin(drawn, np.concatenate(after)).all()


def test_zones_are_those_of_the_claims():
    assert shared.claimed_share("Noise moves DSE little", RESULTS) == 0.1
    pictures.training_labels(RESULTS)
    (ax,) = plt.gcf().axes
    boxes = [zone.get_paths()[0].get_extents() for zone in ax.collections]
    plt.close()
    flat = [box.width for box in boxes if box.x0 == pytest.approx(-box.x1)]
    # A fifth of the changes in supervised learning, to both sides.
    table = pd.read_csv(RESULTS / "training_trends.csv")
    table = table[table["measure"] == "DSMI(Z;Y)"]
    changes = table["change"][table["regime"] == "supervised"].abs()
    assert sorted(flat) == pytest.approx(sorted(0.4 * changes), abs=1e-3)
    assert {box.x0 for box in boxes if box.width not in flat} == {0}


def test_dots_of_a_training_are_the_changes_of_its_runs():
    # The medians that the study itself wrote.
    trends = pd.read_csv(RESULTS / "training_trends.csv")
    for measure, part in trends.groupby("measure"):
        changes = pictures.runs(RESULTS, measure).groupby(level=[2, 0, 1])
        keys = list(part[["setting", "dataset", "regime"]].itertuples(index=False))
        assert (changes.size() == part["runs"].iloc[0]).all()
        assert changes.median()[keys].to_numpy() == pytest.approx(
            part["change"], abs=1e-3
        )


def test_pictures_have_the_colours_of_the_displays():
    assert (shared.DSE, shared.DSMI, shared.INPUT) == _axes.COLORS[:3]


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
