"""The page in headless Chromium: quiet, readable, at work. Skipped where there is none.

Needs playwright and a Chromium or Chrome on the path (Debian: chromium), or its path in
CHROME_BIN. Screenshots are left in the folder REPORT_SCREENSHOTS, if it is set.
"""

import os
import re
import shutil
from pathlib import Path

import numpy as np
import pytest
from frames import HOSTILE, LAYERS, make_records

from skdse import DiffusionSpectralEntropy
from skdse.reporting import RepresentationReport

pytest.importorskip("plotly")
api = pytest.importorskip("playwright.sync_api")

NAMES = ("chromium", "chromium-browser", "google-chrome", "chrome")
FOUND = filter(None, [os.environ.get("CHROME_BIN"), *map(shutil.which, NAMES)])
CHROMIUM = next(FOUND, None)
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="needs Chromium")
VIEWS = [("light", 1280), ("dark", 1280), ("light", 390), ("dark", 390)]
# Pages at their ends: one cell; one layer; one epoch; nothing known; a lot of all.
PAGES = {
    "one cell": {"frame": {"layer": ["a"], "dse": [1.0]}},
    "one layer": {"frame": make_records(layers=["only"])},
    "one epoch": {"frame": make_records(epochs=[3]), "spectra": {}},
    "no values": {"frame": make_records(dse=np.nan, dse_std_error=np.nan)},
    "runs": {"frame": make_records(runs=["seed 0", "seed 1"])},
    "many": {
        "frame": make_records(
            layers=[f"model.encoder.layers.{i}.attention.output" for i in range(30)],
            epochs=range(40),
        )
    },
}


@pytest.fixture(scope="module")
def browser():
    """Headless Chromium; for this module alone, since it occupies the event loop."""
    with api.sync_playwright() as playwright:
        try:
            browser = playwright.chromium.launch(
                executable_path=CHROMIUM, args=["--no-sandbox"]
            )
        except api.Error as error:
            pytest.skip(f"{CHROMIUM} does not start: {error}")
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def report():
    """Report of three layers and four epochs, of which the second is not known."""
    X = np.random.default_rng(0).normal(size=(300, 5))
    records = make_records()
    records[4] |= {"dse": np.nan, "dse_std_error": np.nan}
    spectra = {
        layer: DiffusionSpectralEntropy(
            eigen_solver=solver, n_components=20, tol=0.05, random_state=0
        )
        .set_params(n_components=20 if solver == "arpack" else None)
        .fit(X)
        for layer, solver in zip(LAYERS, ("dense", "lanczos", "arpack"), strict=True)
    }
    return RepresentationReport(
        records, spectra=spectra, settings={"path": HOSTILE}, title=f"On {HOSTILE}"
    )


@pytest.fixture(scope="module")
def folder(tmp_path_factory, report):
    """Folder with the pages."""
    folder = tmp_path_factory.mktemp("pages")
    report.write_html(folder / "report.html")
    for name, options in PAGES.items():
        RepresentationReport(**options).write_html(folder / f"{name}.html")
    return folder


class _Pages:
    """Pages in the browser, each opened once, and what the browser said of them."""

    def __init__(self, browser, folder):
        self.browser, self.folder = browser, folder
        self.opened, self.said = {}, []

    def __call__(self, name="report", theme="light", width=1280):
        key = name, theme, width
        if key not in self.opened:
            self.opened[key] = self.open(name, theme, width)
        return self.opened[key]

    def open(self, name, theme="light", width=1280, script=None):
        """Open a page, which must ask for nothing but itself."""
        is_phone = width < 600
        page = self.browser.new_context(
            color_scheme=theme,
            has_touch=is_phone,
            is_mobile=is_phone,
            viewport={"width": width, "height": 900},
        ).new_page()
        page.on("console", lambda one: self.said.append(one.text))
        page.on("pageerror", lambda one: self.said.append(str(one)))
        page.on("request", lambda one: requests.append(one.url))
        if script:
            page.add_init_script(script)
        requests = []
        address = (self.folder / f"{name}.html").as_uri()
        page.goto(address)
        page.locator("[data-ready], #fault:not([hidden])").first.wait_for(
            state="attached", timeout=60_000
        )
        assert requests == [address]
        return page


@pytest.fixture(scope="module")
def pages(browser, folder):
    """Pages that are open; tests leave them as they were."""
    return _Pages(browser, folder)


@pytest.fixture
def visit(pages):
    """Open a page; at the end, the browser must have had nothing to say."""
    yield pages
    said, pages.said = pages.said, []
    assert said == []


def _tooltip(page):
    """Text of the tooltip, line by line."""
    page.wait_for_selector(".hoverlayer .hovertext")
    return page.evaluate(
        "[...document.querySelectorAll('.hoverlayer .hovertext tspan.line')]"
        ".map(one => one.textContent)"
    ) or [page.locator(".hoverlayer .hovertext").inner_text()]


def _place(page, chart, x, y):
    """Place in the window of a point of a chart, in units of its axes."""
    page.locator(f"#{chart}").scroll_into_view_if_needed()
    return page.evaluate(
        """([id, x, y]) => {
            const node = document.getElementById(id);
            const {xaxis, yaxis} = node._fullLayout;
            const box = node.getBoundingClientRect();
            return [box.x + xaxis._offset + xaxis.d2p(x),
                    box.y + yaxis._offset + yaxis.d2p(y)];
        }""",
        [chart, x, y],
    )


def _contrast(page, ink, ground):
    """Contrast of two colours of the style, as WCAG 2 defines it."""

    def luminance(name):
        value = page.evaluate(
            "name => getComputedStyle(document.documentElement)"
            ".getPropertyValue(name).trim()",
            name,
        )
        channels = np.array([int(value[i : i + 2], 16) for i in (1, 3, 5)]) / 255
        linear = np.where(
            channels <= 0.04045, channels / 12.92, ((channels + 0.055) / 1.055) ** 2.4
        )
        return linear @ [0.2126, 0.7152, 0.0722]

    low, high = sorted([luminance(ink), luminance(ground)])
    return (high + 0.05) / (low + 0.05)


# How it looks


@pytest.mark.parametrize(
    ("name", "theme", "width"),
    [
        *(("report", *view) for view in VIEWS),
        *((name, *view) for name in PAGES for view in VIEWS[::3]),
    ],
)
def test_every_page_is_quiet_and_fits(visit, name, theme, width):
    page = visit(name, theme, width)
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    charts = page.locator(".chart")
    assert charts.count() >= 1
    for i in range(charts.count()):
        box = charts.nth(i).locator(".main-svg").first.bounding_box()
        assert 0 <= box["x"]
        assert box["x"] + box["width"] <= width
        assert box["width"] > 250
        assert box["height"] > 150
    # Nothing is cut off at the sides of a chart.
    outside = page.evaluate(
        """[...document.querySelectorAll('.chart text')].filter(one => {
            const chart = one.closest('.chart').getBoundingClientRect();
            const box = one.getBoundingClientRect();
            const isIn = box.left >= chart.left - 1 && box.right <= chart.right + 1;
            return box.width && !isIn;
        }).map(one => one.textContent)"""
    )
    assert outside == []
    if folder := os.environ.get("REPORT_SCREENSHOTS"):
        path = Path(folder) / f"{name}_{theme}_{width}.png"
        page.screenshot(path=path, full_page=True)


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_texts_are_read_in_light_and_dark(visit, theme):
    page = visit(theme=theme)
    for ink in ("--text", "--quiet", "--accent"):
        for ground in ("--page", "--card", "--shade"):
            assert _contrast(page, ink, ground) >= 4.5
    ink = page.evaluate("getComputedStyle(document.body).color")
    fill = page.evaluate("getComputedStyle(document.querySelector('.ytick text')).fill")
    assert fill == ink
    ground = page.evaluate("getComputedStyle(document.body).backgroundColor")
    dark = max(map(int, re.findall(r"\d+", ground))) < 60
    assert dark == (theme == "dark")


def test_theme_of_the_system_may_change(visit):
    page = visit.open("one cell", theme="light")
    ink = "getComputedStyle(document.body).color"
    before = page.evaluate(ink)
    page.emulate_media(color_scheme="dark")
    assert page.evaluate(ink) != before
    tick = page.locator(".ytick text").first
    api.expect(tick).to_have_css("fill", page.evaluate(ink))


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("report", "heatmap"),
        ("runs", "heatmap"),
        ("one layer", "scatter"),
        ("one epoch", "scatter"),
    ],
)
def test_chart_is_of_the_kind_that_suits(visit, name, kind):
    page = visit(name)
    assert page.evaluate("document.getElementById('measure-0').data[0].type") == kind


def test_values_that_are_not_known_are_said_to_be(visit):
    page = visit("no values")
    assert page.locator("#measure-0").text_content().count("no values") == 1
    assert page.locator("#measure-1").text_content().count("no values") == 0
    assert page.locator("#plane").text_content().count("no values") == 1


def test_long_names_keep_what_tells_them_apart(visit):
    page = visit("many", "dark", 390)
    texts = page.locator("#measure-0 .ytick text").all_text_contents()
    assert texts == [f"…{i}…" for i in range(30)]


# How it works


def test_pointing_at_a_cell_tells_value_and_error(visit):
    page = visit()
    page.mouse.move(*_place(page, "measure-0", 2, 1))
    assert _tooltip(page) == [
        *("encoder.1, epoch 2", "DSE 4.625 ± 0.063 bits", "accuracy 0.500"),
    ]
    page.mouse.move(*_place(page, "measure-1", 3, 2))
    api.expect(page.locator("#measure-1 .hovertext")).to_contain_text("DSMI")
    name, value, _ = _tooltip(page)
    assert name == f"{HOSTILE}, epoch 3"
    assert value == "DSMI(Z;Y) 2.000 bits"  # its error is not known


def test_touching_a_cell_tells_value_and_error(visit):
    page = visit(width=390)
    page.touchscreen.tap(*_place(page, "measure-0", 2, 1))
    assert _tooltip(page)[:2] == ["encoder.1, epoch 2", "DSE 4.625 ± 0.063 bits"]


def test_pointing_at_a_trail_a_curve_and_a_spectrum(visit):
    page = visit()
    page.mouse.move(*_place(page, "plane", 6.125, 0.5))
    assert _tooltip(page)[:3] == [
        *("encoder.0, epoch 0", "DSE 6.125 ± 0.063 bits", "DSMI(Z;Y) 0.500 bits"),
    ]
    curve = page.evaluate("document.getElementById('curves').data[1]")
    page.mouse.move(*_place(page, "curves", curve["x"][5], curve["y"][5]))
    page.wait_for_selector("#curves .hovertext")
    assert "DSE" in page.locator("#curves .hovertext").first.text_content()
    page.mouse.move(*_place(page, "spectra", 1, 1))
    page.wait_for_selector("#spectra .hovertext")
    text = page.locator("#spectra .hovertext").first.text_content()
    assert "eigenvalue 1 of 300: 1.000" in text


def test_table_sorts(visit):
    page = visit()

    def column(k):
        cells = page.locator(f"#table td:nth-child({k})").all_inner_texts()
        return [cell if cell == "–" else float(cell) for cell in cells]

    head = page.locator("#table th:nth-child(5)")
    before = column(5)
    values = sorted(one for one in before if one != "–")
    assert before != [*values, "–"]
    assert head.get_attribute("aria-sort") == "none"
    head.locator("button").click()
    assert column(5) == [*values, "–"]
    assert head.get_attribute("aria-sort") == "ascending"
    head.locator("button").press("Enter")
    assert column(5) == [*values[::-1], "–"]  # what is missing stays last
    assert head.get_attribute("aria-sort") == "descending"
    page.locator("#table th:nth-child(2) button").click()
    names = page.locator("#table td:nth-child(2)").all_inner_texts()
    assert names == sorted(names, key=[*LAYERS[2:], *LAYERS[:2]].index)
    assert head.get_attribute("aria-sort") == "none"


def test_numbers_sort_as_numbers_and_in_names_too(visit):
    page = visit("many")
    page.locator("#table th:nth-child(2) button").click()
    names = page.locator("#table td:nth-child(2)").all_inner_texts()
    numbers = [int(re.search(r"\d+", name)[0]) for name in names]
    assert numbers == sorted(numbers)
    assert len(set(numbers)) == 30


def test_run_is_chosen(visit):
    page = visit("runs")
    cell = "document.getElementById('measure-0').data[0].z[0][0]"
    assert page.evaluate(cell) == 6.625
    assert "standard deviation over runs" in page.locator("#error").inner_text()
    page.locator("#runs select").select_option(label="seed 1")
    assert page.evaluate(cell) == 7.125
    assert page.locator("#error").inner_text() == "± is the standard error."
    page.locator("#runs select").select_option("0")


def test_axes_of_the_plane_are_chosen(visit):
    page = visit()
    page.locator("#axes select").first.select_option(label="accuracy")
    x = page.evaluate("document.getElementById('plane').data[0].x")
    assert x == [0, 0.25, 0.5, 0.75]
    assert "accuracy" in page.locator("#plane .xtitle").text_content()
    page.locator("#axes select").first.select_option(label="DSE")


def test_layers_are_hidden_and_shown(visit):
    page = visit()
    shown = "document.getElementById('{}').data.map(one => one.visible)"
    chip = page.locator("#planes .chips button").nth(1)
    assert chip.inner_text() == "encoder.1"
    chip.click()
    assert page.evaluate(shown.format("plane")) == [True, False, True]
    assert page.evaluate(shown.format("curves")).count(False) == 3
    for section in ("planes", "spectrum"):
        chip = page.locator(f"#{section} .chips button").nth(1)
        assert chip.get_attribute("aria-pressed") == "false"
    chip.click()
    assert page.evaluate(shown.format("plane")) == [True] * 3


def test_names_of_users_are_texts(visit):
    page = visit()
    assert page.evaluate("window.hacked") is None
    # plotly, the data, ours, and plotly as it is run.
    assert page.locator("script").count() == 4
    assert page.locator("main b, header b").count() == 0
    assert page.title() == f"On {HOSTILE}"
    texts = page.locator("#measure-0 .ytick text").all_text_contents()
    assert texts[:2] == LAYERS[:2]
    assert texts[2] == f"{HOSTILE[:11]}…{HOSTILE[-11:]}"


def test_nothing_can_be_loaded(browser, folder):
    # The policy of the page stops what would get past the rest.
    page = browser.new_page()
    page.goto((folder / "report.html").as_uri())
    blocked = page.evaluate(
        """() => new Promise(resolve => {
            const image = new Image();
            image.onerror = () => resolve('blocked');
            image.onload = () => resolve('loaded');
            document.addEventListener('securitypolicyviolation',
                one => resolve(one.effectiveDirective));
            image.src = 'http://127.0.0.1:9/x.png';
        })"""
    )
    assert blocked == "img-src"
    ran = page.evaluate(
        """() => {
            const script = document.createElement('script');
            script.textContent = 'window.hacked = 1';
            document.head.append(script);
            return window.hacked ?? null;
        }"""
    )
    assert ran is None
    page.close()


def test_browsers_that_cannot_unpack_show_the_table(visit):
    page = visit.open("report", script="delete window.DecompressionStream")
    assert "browser of 2023 or later" in page.locator("#fault").inner_text()
    page.locator("#table th:nth-child(5) button").click()
    assert page.locator("#table td:nth-child(5)").last.inner_text() == "–"


def test_a_notebook_shows_the_page_in_its_frame(browser, report):
    page = browser.new_page()
    said = []
    page.on("console", lambda one: said.append(one.text))
    page.set_content(f"<p>A notebook</p>{report._repr_html_()}")
    frame = page.frame_locator("iframe")
    frame.locator("html[data-ready]").wait_for(state="attached")
    assert frame.locator("#measure-0 .heatmaplayer image").count() >= 1
    page.close()
    assert said == []
