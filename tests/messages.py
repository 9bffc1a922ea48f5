"""Messages that several test files expect, and patterns that match them."""

import re

ISOLATED = (
    "Every sample sees only itself: the entropy is log2(n) whatever the data. "
    "Increase bandwidth (or bandwidth_scale), or use a rule such as 'auto'."
)
UNIFORM = (
    "Every sample sees all others alike: the entropy is 0 whatever the data. "
    "Decrease bandwidth (or bandwidth_scale), or use a rule such as 'auto'."
)


def exactly(message):
    """Pattern that matches this message and nothing else."""
    return f"^{re.escape(message)}$"


def starts(message):
    """Pattern of a message whose end differs with the versions of others."""
    return f"^{re.escape(message)}"
