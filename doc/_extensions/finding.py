"""The directive ``finding``: a card with a claim, a picture and the verdict.

Claim, verdict and what was measured come from ``results/findings.csv`` beside the page:
from the rows of which the name is the argument, or the argument and a setting in
brackets. A function of ``finding_figures.py`` draws the picture from the results. The
content says what is drawn, to those who cannot see it::

    .. grid:: 1 1 2 2

       .. finding:: DSE follows dimension
          :figure: dimension
          :study: study-toy-entropy

          Curves of DSE against dimension, by setting and noise.
"""

import csv
import re
from pathlib import Path
from typing import ClassVar

from docutils.parsers.rst import directives
from docutils.statemachine import StringList
from sphinx.util.docutils import SphinxDirective

CARD = """\
.. grid-item-card:: {title}

   **Claim:** {claim}.

   .. plot:: studies/finding_figures.py {figure}
      :alt: {alt}
      :class: figure-on-white

   {verdicts}

   .. dropdown:: Measured

      {measured}

      **Setting:** {setting}. :ref:`More <{study}>`.
"""


def rows_of(name, rows):
    """Rows of a finding, by the setting that their names have in brackets or None."""
    pattern = re.compile(rf"{re.escape(name)}(?: \((.+)\))?")
    found = ((pattern.fullmatch(row["Finding"]), row) for row in rows)
    return {match[1]: row for match, row in found if match}


def plain(text):
    """Text in which reStructuredText finds no markup."""
    return re.sub(r"([\\*_`|])", r"\\\1", text)


def paragraphs(found, column, indent):
    """A column of the rows, a paragraph each, led by its name and the setting."""
    leads = (f"{column}, {setting}" if setting else column for setting in found)
    texts = (row[column] for row in found.values())
    return f"\n\n{' ' * indent}".join(
        f"**{plain(lead)}:** {plain(text)}."
        for lead, text in zip(leads, texts, strict=True)
    )


class Finding(SphinxDirective):
    """Card of a finding, an item of a grid."""

    required_arguments = 1
    final_argument_whitespace = True
    has_content = True
    option_spec: ClassVar = {
        "figure": directives.unchanged_required,
        "study": directives.unchanged_required,
    }

    def run(self):
        """Add the card to the grid."""
        self.assert_has_content()
        name, (_, path) = self.arguments[0], self.env.relfn2path("results/findings.csv")
        with open(path, encoding="utf-8") as lines:
            found = rows_of(name, csv.DictReader(lines))
        if not found:
            raise self.error(f"findings.csv has no finding {name!r}")
        self._depend_on(Path(path).parent)
        row = next(iter(found.values()))
        card = CARD.format(
            title=plain(name),
            claim=plain(row["The paper's claim"]),
            alt=" ".join(self.content),
            verdicts=paragraphs(found, "Verdict", 3),
            measured=paragraphs(found, "Measured", 6),
            setting=plain(row["Setting"]),
            **self.options,
        )
        # Into the grid itself, which is where an item of a grid has to be.
        lines = StringList(card.splitlines(), source=path)
        self.state.nested_parse(lines, self.content_offset, self.state_machine.node)
        return []

    def _depend_on(self, results):
        """Have the page and its pictures made anew where a result has changed."""
        # Where the directive "plot" looks for what a picture depends on.
        log = self.state.document.include_log
        scripts = (
            results.parent / "finding_figures.py",
            results.parent / "small_figures.py",
        )
        for path in map(str, [*scripts, *results.glob("*.csv")]):
            self.env.note_dependency(path)
            if (path, ()) not in log:
                log.append((path, ()))


def setup(app):
    """Register the directive."""
    app.add_directive("finding", Finding)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
