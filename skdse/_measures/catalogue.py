"""The measures of representations: names, targets, seeds, labels, units, in one place.

The command line, the tracker, the scorers, the displays and the files of results all
take them from here; `measure_layers` is what measures.
"""

from collections.abc import Mapping
from time import perf_counter
from typing import NamedTuple

import numpy as np
from sklearn.base import BaseEstimator, clone
from sklearn.utils import check_array, check_consistent_length, check_random_state

from .._tools.arrays import is_device_array, is_finite
from .._tools.intake import taken_in_labels
from .entropy import DiffusionSpectralEntropy
from .grouping import as_target
from .mutual_info import LOCAL_SCALE, DiffusionSpectralMI
from .pairs import check_mutual_info_parameters, group_by

# After the name of a measure, that of its standard error.
ERROR = "_std_error"


class Measure(NamedTuple):
    """A number that a representation has: how it is measured and how it is shown.

    Attributes
    ----------
    title : str
        What stands above a column or beside an axis.
    panel : str
        Measures of one panel are drawn together.
    style : int
        Number of its colour and marker.
    note : str
        What a legend adds to the title.
    use : str
        What it is good for, where there are several of a kind.
    has_unit : bool
        Whether it has the unit of an entropy: bits, or shares if normalized.
    estimator : estimator or None
        How it is measured by default; None where it comes along with another one.
    against : {"y", "X"} or None
        What its mutual information is with; None where it is none.
    """

    title: str
    panel: str
    style: int
    note: str = ""
    use: str = ""
    has_unit: bool = True
    estimator: BaseEstimator | None = None
    against: str | None = None

    @property
    def label(self):
        """Title and note, as in a legend."""
        return f"{self.title}, {self.note}" if self.note else self.title

    @property
    def heading(self):
        """Title and use, as above a chart."""
        return f"{self.title} (to {self.use})" if self.use else self.title


# No form of DSMI does all, and two come close (doc/studies/headline.rst). Parameters of
# the entropy beside those of the local scale, and of DSMI, by the measure's name.
FORMS = {
    "dsmi_share": ({"bandwidth_neighbors": 10}, {"normalize": True}),
    "dsmi_wide": ({"bandwidth_scale": 2}, {}),
}


def form_of_dsmi(name, of_entropy=LOCAL_SCALE, **params):
    """DSMI in one of its forms; parameters that are given come first."""
    scale, of_form = FORMS[name]
    entropy = DiffusionSpectralEntropy(**scale | dict(of_entropy))
    return DiffusionSpectralMI(entropy, **params | of_form)


CATALOGUE = {
    "dse": Measure("DSE", "DSE", 0, estimator=DiffusionSpectralEntropy()),
    "dsmi": Measure(
        "DSMI(Z;Y)",
        "DSMI",
        1,
        note="labels",
        estimator=DiffusionSpectralMI(),
        against="y",
    ),
    "dsmi_share": Measure(
        "DSMI share",
        "DSMI share",
        1,
        note="labels",
        use="compare representations",
        has_unit=False,
        estimator=form_of_dsmi("dsmi_share"),
        against="y",
    ),
    "dsmi_wide": Measure(
        "DSMI wide",
        "DSMI",
        3,
        note="labels",
        use="follow a network",
        estimator=form_of_dsmi("dsmi_wide"),
        against="y",
    ),
    "dsmi_input": Measure(
        "DSMI(Z;X)",
        "DSMI",
        2,
        note="inputs",
        estimator=form_of_dsmi("dsmi_wide", target="continuous"),
        against="X",
    ),
    "effective_rank": Measure("effective rank", "effective rank", 0, has_unit=False),
    "accuracy": Measure("accuracy", "accuracy", 3, has_unit=False),
    "test_accuracy": Measure("test accuracy", "accuracy", 4, has_unit=False),
}
# Those that are measured, by the names that users give; those of mutual information;
# and what tables and trackers have of a representation and its labels by default.
MEASURES = tuple(name for name, one in CATALOGUE.items() if one.estimator is not None)
OF_PAIRS = tuple(name for name in MEASURES if CATALOGUE[name].against is not None)
BY_DEFAULT = ("dse", *FORMS)


def describe(name):
    """Measure of a name; where it is not known, one without a unit."""
    return CATALOGUE.get(name, Measure(name, name, 0, has_unit=False))


def units_of(names, unit):
    """Unit of each measure by name, "" where it has none, of one for all or some."""
    given = unit if isinstance(unit, Mapping) else {}
    other = "bits" if isinstance(unit, Mapping) else unit
    return {
        name: given.get(name, other if describe(name).has_unit else "")
        for name in names
    }


def default_measure(name):
    """Estimator of a measure, of its own, and what its mutual information is with."""
    measure = CATALOGUE[name]
    return clone(measure.estimator), measure.against


def chosen_measures(dse, dsmi, has_inputs, has_labels):
    """Measures by name: DSE, and DSMI as it is given, or in its forms if None."""
    measures = {"dse": (dse, None)}
    if has_labels:
        forms = {name: default_measure(name) for name in FORMS}
        measures |= forms if dsmi is None else {"dsmi": (dsmi, "y")}
    if has_inputs and dsmi is None:
        measures["dsmi_input"] = default_measure("dsmi_input")
    elif has_inputs:
        of_input = clone(dsmi).set_params(target="continuous")
        measures["dsmi_input"] = of_input, "X"
    return measures


def seed_measure(measure, random_state):
    """Set the seeds of a measure, and of what is inside it, that are None."""
    for name, value in measure.get_params().items():
        if name.rpartition("__")[2] == "random_state" and value is None:
            measure.set_params(**{name: random_state})


def is_mutual_info(measure):
    """Whether the estimator of a measure is one of mutual information."""
    return isinstance(measure, DiffusionSpectralMI)


def target_of(name, measure, against, X, y):
    """Target that a measure is fitted with, or raise where it has none."""
    target = X if against == "X" else y
    if not is_mutual_info(measure):
        return target
    if target is None:
        raise ValueError(
            f"measure={name!r} needs y; got y=None. Without labels, use "
            "measure='dse' or 'dsmi_input'."
        )
    if against != "X":
        return target
    try:
        target = taken_in_labels(target, "X")
        if is_device_array(target):
            return as_target(target)
        return check_array(target, allow_nd=True, input_name="X")
    except (TypeError, ValueError) as error:
        raise ValueError(
            "mutual information with the input needs an X of finite numbers, not "
            "sparse; got another. Group its samples yourself, and pass the groups as "
            f"y, with measure='dsmi'. {error}"
        ) from error


def group_once(dsmi, target):
    """Group of each sample by a target; dsmi then takes groups as they are."""
    check_mutual_info_parameters(dsmi)
    labels = group_by(dsmi, target, check_random_state(dsmi.random_state)).labels
    dsmi.set_params(target="discrete")
    return labels


def prepare_measures(measures, X, y, random_state):
    """Make measures ready for many layers: seeded, and with groups found once.

    measures maps names to (estimator, against); the result maps names to (estimator,
    target).
    """
    prepared = {}
    for name, (measure, against) in measures.items():
        measure = clone(measure)
        seed_measure(measure, random_state)
        target = target_of(name, measure, against, X, y)
        if is_mutual_info(measure):
            if X is not None:
                check_consistent_length(X, target)
            target = group_once(measure, target)
        prepared[name] = measure, target
    return prepared


class LayerMeasures(NamedTuple):
    """What was measured of a layer, or of another representation.

    Attributes
    ----------
    name : str
        Name of the layer.
    values : dict of str to float
        Each measure by its name, and its standard error, NaN where it is unknown.
    fitted : dict of str to estimator
        The measures, fitted; empty where the layer is not finite.
    seconds : float
        Time that it took.
    """

    name: str
    values: dict
    fitted: dict
    seconds: float


def measure_layers(layers, prepared, *, occasion="", skip_not_finite=False):
    """Measure representations of the same samples, one after the other.

    Parameters
    ----------
    layers : iterable of (str, array of shape (n_samples, n_features))
        Representations and their names. Those on a device stay there.
    prepared : dict of str to (estimator, target)
        What `prepare_measures` gives.
    occasion : str
        When this is, for errors: " at epoch 3".
    skip_not_finite : bool
        Whether the values of a layer that is not finite are NaN, instead of an error.

    Yields
    ------
    found : LayerMeasures
        As soon as a layer is measured.
    """
    for name, Z in layers:
        start = perf_counter()
        fitted, values = {}, {}
        skip = skip_not_finite and not is_finite(Z)
        for key, (measure, target) in prepared.items():
            values[key] = values[key + ERROR] = np.nan
            if skip:
                continue
            fitted[key] = clone(measure)
            try:
                values[key], values[key + ERROR] = fit_and_tell(fitted[key], Z, target)
            except Exception as error:
                error.add_note(f"The measure {key!r} of layer {name!r}{occasion}.")
                raise
        yield LayerMeasures(name, values, fitted, perf_counter() - start)


def fit_and_tell(measure, Z, target):
    """Fit a measure; what it has found and its standard error, NaN where unknown."""
    measure.fit(Z, target)
    for name in ("mutual_info", "entropy"):
        if hasattr(measure, f"{name}_"):
            std_error = getattr(measure, f"{name}{ERROR}_", np.nan)
            return float(getattr(measure, f"{name}_")), float(std_error)
    return float(measure.score(Z, target)), np.nan
