"""The built site in a real browser: ``python -m pytest --no-cov doc/test_site.py``.

Needs selenium, Chromium and its driver (Debian: chromium, chromium-driver), and the
pages in doc/_build/html. Look at the screenshots that it leaves in
doc/_build/screenshots.
"""

import functools
import http.server
import json
import os
import re
import shutil
import threading
import urllib.request
from pathlib import Path

import pytest

webdriver = pytest.importorskip("selenium.webdriver")
from selenium.webdriver.common.by import By  # noqa: E402
from selenium.webdriver.support.ui import WebDriverWait  # noqa: E402

BUILD = Path(__file__).parent / "_build"
SITE = BUILD / "html"
PAGES = sorted(
    str(path.relative_to(SITE))
    for path in SITE.rglob("*.html")
    if "_static" not in path.parts
)
SEEN = {
    "landing": "index.html",
    "guide": "guide/entropy.html",
    "gallery": "auto_examples/index.html",
    "example": "auto_examples/start/plot_quick_start.html",
    "reference": "api/generated/skdse.DiffusionSpectralMI.html",
    "benchmarks": "benchmarks/index.html",
    "findings": "studies/findings.html",
}
VIEWS = [("light", 1280), ("dark", 1280), ("light", 390), ("dark", 390)]


class _Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *args):
        """Say nothing of requests."""


@pytest.fixture(scope="session")
def address():
    """Address at which the site is served, on this machine alone."""
    assert PAGES, "build the site first: python -m sphinx -b html doc doc/_build/html"
    handler = functools.partial(_Quiet, directory=str(SITE))
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/"
    server.shutdown()
    server.server_close()


@pytest.fixture(scope="session")
def browser():
    """Headless Chromium that keeps what pages write to the console."""
    options = webdriver.ChromeOptions()
    for one in ("--headless=new", "--no-sandbox", "--disable-dev-shm-usage"):
        options.add_argument(one)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    chromium = shutil.which("chromium") or os.environ.get("CHROME_BIN")
    if chromium:
        options.binary_location = chromium
    service = webdriver.ChromeService(shutil.which("chromedriver"))
    driver = webdriver.Chrome(options=options, service=service)
    yield driver
    driver.quit()


@pytest.fixture(params=VIEWS, ids=lambda view: f"{view[0]}-{view[1]}")
def visit(request, browser, address):
    """Open a page in a theme and a width."""
    theme, width = request.param

    def open_page(page):
        _resize(browser, width, 900)
        browser.get(address + "index.html")
        browser.execute_script(
            "localStorage.mode = localStorage.theme = arguments[0]", theme
        )
        browser.get_log("browser")  # empties it
        browser.get(address + page)
        return browser

    open_page.theme, open_page.width = theme, width
    return open_page


def _resize(browser, width, height):
    metrics = {"width": width, "height": height, "mobile": width < 600}
    metrics["deviceScaleFactor"] = 1
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)


def _check_page(browser, address):
    """No error, no missing picture, nothing from elsewhere, nothing cut off."""
    faults = [one for one in browser.get_log("browser") if one["level"] == "SEVERE"]
    assert faults == []
    missing = browser.execute_script("""
        for (const image of document.images) image.loading = "eager";
        return Promise.all([...document.images].map(image => image.decode()
            .then(() => null, () => image.src))).then(all => all.filter(Boolean))
    """)
    assert missing == []
    foreign = browser.execute_script(
        "return performance.getEntriesByType('resource').map(one => one.name)"
    )
    assert [url for url in foreign if not url.startswith(address)] == []
    overflow = browser.execute_script(
        "return document.documentElement.scrollWidth - window.innerWidth"
    )
    assert overflow <= 0


def _click(browser, element):
    browser.execute_script("arguments[0].click()", element)


@pytest.mark.parametrize("name", SEEN)
def test_pages_look_as_they_should(visit, address, name):
    browser = visit(SEEN[name])
    assert browser.execute_script("return document.documentElement.dataset.theme") == (
        visit.theme
    )
    _check_page(browser, address)
    height = browser.execute_script("return document.documentElement.scrollHeight")
    _resize(browser, visit.width, min(height, 4000))
    folder = BUILD / "screenshots"
    folder.mkdir(exist_ok=True)
    assert browser.save_screenshot(
        str(folder / f"{name}_{visit.theme}_{visit.width}.png")
    )


@pytest.mark.parametrize("page", PAGES)
def test_every_page_is_whole(browser, address, page):
    _resize(browser, 390, 900)
    browser.get_log("browser")
    browser.get(address + page)
    _check_page(browser, address)


@pytest.mark.parametrize("width", [400, 960, 1024, 1200, 1280])
@pytest.mark.parametrize("name", ["landing", "guide"])
def test_the_header_is_one_line(browser, address, name, width):
    _resize(browser, width, 900)
    browser.get(address + SEEN[name])
    middles = browser.execute_script("""
        const shown = "#pst-header .nav-item, #pst-header button";
        return [...document.querySelectorAll(shown)]
            .map(one => one.getBoundingClientRect()).filter(box => box.height)
            .map(box => (box.top + box.bottom) / 2)
    """)
    assert len(middles) > 1
    assert max(middles) - min(middles) < 4


def test_landing_page_leads_everywhere(visit):
    browser = visit("index.html")
    cards = browser.find_elements(By.CSS_SELECTOR, ".sd-card a.sd-stretched-link")
    targets = [card.get_attribute("href") for card in cards]
    for part in ("guide/", "auto_examples/", "api/", "studies/", "benchmarks/"):
        assert any(part in target for target in targets)
    _click(browser, cards[0])
    WebDriverWait(browser, 10).until(lambda one: "User guide" in one.title)


def test_search_finds(visit):
    browser = visit("search.html?q=DiffusionSpectralMI")
    wanted = "#search-results a[href*='api/generated/skdse.DiffusionSpectralMI']"
    WebDriverWait(browser, 20).until(
        lambda one: one.find_elements(By.CSS_SELECTOR, wanted)
    )


def test_mathematics_is_drawn(visit):
    browser = visit("guide/entropy.html")
    sizes = browser.execute_script("""
        return document.fonts.ready.then(() =>
            [...document.querySelectorAll("math")].map(one => {
                const box = one.getBoundingClientRect();
                return [box.width, box.height];
            }))
    """)
    assert len(sizes) > 20
    assert min(min(size) for size in sizes) > 3
    assert browser.execute_script(
        "return [...document.fonts].some(one => "
        "one.family.includes('skdse math') && one.status == 'loaded')"
    )
    text = browser.find_element(By.TAG_NAME, "article").text
    assert "\\frac" not in text
    assert "\\sum" not in text


def test_example_can_be_downloaded_as_a_notebook(visit):
    browser = visit(SEEN["example"])
    links = browser.find_elements(By.CSS_SELECTOR, ".sphx-glr-download a")
    (url,) = {
        link.get_attribute("href")
        for link in links
        if link.get_attribute("href").endswith(".ipynb")
    }
    with urllib.request.urlopen(url) as answer:
        notebook = json.load(answer)
    source = "".join("".join(cell["source"]) for cell in notebook["cells"])
    assert "DiffusionSpectralMI" in source


def test_reference_shows_signature_and_gallery(visit):
    browser = visit(SEEN["reference"])
    signature = browser.find_element(By.CSS_SELECTOR, "dt.sig").text
    assert "n_repeats" in signature
    assert browser.find_elements(By.CSS_SELECTOR, ".sphx-glr-thumbcontainer")


# Files of the site, without a browser


def test_llms_txt_leads_to_pages():
    text = (SITE / "llms.txt").read_text(encoding="utf-8")
    targets = re.findall(r"\]\((\S+\.html)\)", text)
    assert len(targets) > 50
    assert [one for one in targets if not (SITE / one).exists()] == []


def test_reference_leads_to_the_source():
    page = SITE / "api" / "generated" / "skdse.ShannonEntropy.html"
    source = "_modules/skdse/_measures/baselines.html"
    assert f'href="../../{source}#ShannonEntropy"' in page.read_text(encoding="utf-8")
    assert 'id="ShannonEntropy"' in (SITE / source).read_text(encoding="utf-8")


def test_pages_know_the_versions():
    for page in PAGES:
        depth = page.count("/")
        text = (SITE / page).read_text(encoding="utf-8")
        if "theme_switcher_json_url" in text:
            assert f"'_static/switcher_{depth}.json'" in text
            listed = json.loads((SITE / f"_static/switcher_{depth}.json").read_text())
            assert all(one["url"].startswith("../" * (depth + 1)) for one in listed)
    assert "theme_switcher_json_url" in (SITE / "index.html").read_text("utf-8")
