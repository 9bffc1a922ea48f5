"""Mathematics as MathML, which browsers draw themselves, without a script.

They draw it well with a font that has mathematical tables. Not every system has one, so
the pages bring STIX Two Math (SIL Open Font License, from the package ziamath),
cut down to the characters that formulas use.
"""

from importlib.resources import as_file, files
from pathlib import Path

from docutils import nodes
from fontTools import subset
from latex2mathml.converter import convert

FONT = "STIXTwoMath-Regular.ttf"
# Latin and Greek, their accents, operators and arrows, mathematical alphabets.
CHARACTERS = [
    *range(0x20, 0x180),
    *range(0x2B0, 0x400),
    *range(0x2000, 0x2300),
    *range(0x2308, 0x230C),
    *range(0x239B, 0x23B4),
    *range(0x27E6, 0x27EC),
    *range(0x2A00, 0x2B00),
    *range(0x1D400, 0x1D800),
]


def visit_math(translator, node):
    """Write a formula in a line of text."""
    translator.body.append(convert(node.astext()))
    raise nodes.SkipNode


def visit_math_block(translator, node):
    """Write a formula in a line of its own, scrolled where the screen is narrow."""
    translator.body.append(translator.starttag(node, "div", CLASS="math-block"))
    translator.body.append(convert(node.astext(), display="block"))
    translator.body.append("</div>\n")
    raise nodes.SkipNode


def write_font(app, error):
    """Write the part of the font that formulas need beside the pages."""
    if error or app.builder.format != "html":
        return
    options = subset.Options(flavor="woff", layout_features=["*"])
    with as_file(files("ziamath.fonts") / FONT) as path:
        font = subset.load_font(str(path), options)
    subsetter = subset.Subsetter(options)
    subsetter.populate(unicodes=CHARACTERS)
    subsetter.subset(font)
    subset.save_font(font, str(Path(app.outdir) / "_static" / "math.woff"), options)


def setup(app):
    """Register the renderer, which html_math_renderer finds by itself."""
    app.add_html_math_renderer(
        "mathml",
        inline_renderers=(visit_math, None),
        block_renderers=(visit_math_block, None),
    )
    app.connect("build-finished", write_font)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
