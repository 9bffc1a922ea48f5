"""Thumbnails of the gallery: the first panel of the first figure of an example.

A whole figure is as wide as a page, and its words could not be read at the size of a
thumbnail. The panel is laid out anew for that size, in letters of the usual size.
"""

import shutil
from pathlib import Path

import matplotlib.pyplot as plt

WIDTH = 3.6  # inches
PIXELS = 480


def _get_sg_image_scraper():
    """What the gallery asks this module for."""
    return scrape


def scrape(block, block_vars, gallery_conf):
    """Save the figures of a block, and of the first one its panel."""
    from sphinx_gallery.scrapers import matplotlib_scraper

    images = block_vars["image_path_iterator"]
    numbers = plt.get_fignums()
    if len(images) == 0 and numbers and plt.figure(numbers[0]).axes:
        path = Path(images.image_path)
        panel = path.with_name(path.name.replace("_{0:03}", "_panel"))
        save_panel(plt.figure(numbers[0]), panel)
    return matplotlib_scraper(block, block_vars, gallery_conf)


def save_panel(figure, path):
    """Save the first panel of a figure, which stays as it was."""
    ax = next((one for one in figure.axes if one.axison), figure.axes[0])
    size = figure.get_size_inches()

    def box():
        figure.draw_without_rendering()
        return ax.get_tightbbox().transformed(figure.dpi_scale_trans.inverted())

    figure.set_size_inches(size * min(1, WIDTH / box().width))
    panel = box().padded(0.05)
    figure.savefig(path, bbox_inches=panel, dpi=PIXELS / panel.width)
    figure.set_size_inches(size)


def take_panels(app):
    """Put the panels in the places of the thumbnails."""
    for panel in Path(app.srcdir, "auto_examples").rglob("sphx_glr_*_panel.png"):
        name = panel.name.replace("_panel.png", "_thumb.png")
        shutil.move(panel, panel.parent / "thumb" / name)


def setup(app):
    """Take the panels once the gallery is made."""
    app.connect("builder-inited", take_panels, priority=900)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
