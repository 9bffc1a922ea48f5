"""The directive ``command-output``: what a command of skdse prints, as it prints it."""

import os
import subprocess
import sys

from docutils import nodes
from sphinx.util.docutils import SphinxDirective


class CommandOutput(SphinxDirective):
    """Output of ``python -m skdse`` with the given arguments."""

    required_arguments = 1
    final_argument_whitespace = True

    def run(self):
        """Return a literal block."""
        done = subprocess.run(
            [sys.executable, "-m", "skdse", *self.arguments[0].split()],
            capture_output=True,
            check=True,
            text=True,
            env={**os.environ, "COLUMNS": "80", "NO_COLOR": "1"},
        )
        return [nodes.literal_block(done.stdout, done.stdout, language="none")]


def setup(app):
    """Register the directive."""
    app.add_directive("command-output", CommandOutput)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
