"""``python -m skdse``: the command line."""

import sys

from ._cli.arguments import main

if __name__ == "__main__":
    sys.exit(main())
