"""What a user asks to be measured, as estimators by name."""

from collections.abc import Mapping

from sklearn.base import clone

from .._measures.catalogue import MEASURES, seed_measure
from .._tools.validation import check_measure, check_option
from ._budget import thrifty_measure


def named_measures(asked, random_state, taken):
    """Unfitted copies of the measures by name, seeded, each with "X" or "y".

    No measure may have a name that is taken.
    """
    if isinstance(asked, str):
        asked = [asked]
    if not isinstance(asked, Mapping):
        for name in asked:
            check_option(name, "measures", MEASURES)
        asked = {name: thrifty_measure(name) for name in asked}
    measures = {}
    for name, measure in asked.items():
        measure, against = measure if isinstance(measure, tuple) else (measure, "y")
        check_measure(measure, f"measures[{name!r}]", "a name or an estimator")
        if name in taken or against not in ("X", "y", None):
            raise ValueError(
                "measures must be a dict of estimators or of (estimator, 'X'), by "
                f"names other than {taken}; got {name!r}: {asked[name]!r}."
            )
        measures[name] = clone(measure), against
        seed_measure(measures[name][0], random_state)
    return measures
