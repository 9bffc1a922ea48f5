"""Measures of representations: their seeds, their targets and what they tell."""

from sklearn.utils import check_array, check_random_state

from .base import BaseEntropy
from .mutual_info import DiffusionSpectralMI


def seed_measure(measure, random_state):
    """Set the seeds of a measure, and of what is inside it, that are None."""
    for name, value in measure.get_params().items():
        if name.rpartition("__")[2] == "random_state" and value is None:
            measure.set_params(**{name: random_state})


def check_target(target, against, measure):
    """Target of the mutual information named by measure, or raise."""
    if target is None:
        raise ValueError(
            f"measure={measure!r} needs y; got y=None. Without labels, use "
            "measure='dse' or 'dsmi_input'."
        )
    if against == "y":
        return target
    try:
        return check_array(target, allow_nd=True, input_name="X")
    except (TypeError, ValueError) as error:
        raise ValueError(
            "mutual information with the input needs an X of finite numbers, not "
            "sparse; got another. Group its samples yourself, and pass the groups as "
            f"y, with measure='dsmi'. {error}"
        ) from error


def group_once(dsmi, target):
    """Group of each sample by a target; dsmi then takes groups as they are."""
    dsmi._check_parameters()
    labels = dsmi._group(target, check_random_state(dsmi.random_state)).labels
    dsmi.set_params(target="discrete")
    return labels


def fit_and_tell(measure, Z, target):
    """Fit a measure; what it has found and its standard error, NaN where unknown."""
    measure.fit(Z, target)
    if isinstance(measure, DiffusionSpectralMI):
        return float(measure.mutual_info_), float(measure.mutual_info_std_error_)
    if isinstance(measure, BaseEntropy):
        std_error = getattr(measure, "entropy_std_error_", float("nan"))
        return float(measure.entropy_), float(std_error)
    return float(measure.score(Z, target)), float("nan")
