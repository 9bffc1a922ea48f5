"""Records to report, and what is read off a page."""

import json
import re

HOSTILE = "<script>window.hacked = 1</script><b>bold</b> %{x} & $a$"
LAYERS = ["encoder.0", "encoder.1", HOSTILE]


def make_records(runs=("",), layers=LAYERS, epochs=range(4), **more):
    """Record of each run, epoch and layer, with values that tell which it is."""
    return [
        {
            "run": run,
            "epoch": epoch,
            "layer": layer,
            "n_samples": 500,
            "n_features": 64,
            "dse": 6.125 - i - 0.25 * epoch + r,
            "dse_std_error": 0.0625,
            "dsmi": 0.5 + 0.25 * i * epoch,
            "dsmi_std_error": float("nan"),
            "accuracy": 0.25 * epoch,
            "seconds": 0.5,
            "settings": "0123456789ab",
        }
        | more
        for r, run in enumerate(runs)
        for epoch in epochs
        for i, layer in enumerate(layers)
    ]


def data_of(page):
    """What the charts of a page are drawn from."""
    return json.loads(re.search(r'id="data">(.*?)</script>', page, re.DOTALL)[1])


def texts_of(page):
    """Page without scripts and styles: what there is to read."""
    page = re.sub(r"<(script|style).*?</\1>", "", page, flags=re.DOTALL)
    return re.sub(r"<[^>]*>", " ", page)


def rows_of(page):
    """Rows of the table as lists of texts; the first are the headings."""
    return [
        [re.sub(r"<[^>]*>", "", cell) for cell in re.findall(r"<t[dh].*?</t[dh]>", row)]
        for row in re.findall(r"<tr>.*?</tr>", page)
    ]
