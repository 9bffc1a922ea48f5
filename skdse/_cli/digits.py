"""The report without files: a perceptron in training, on the bundled digits.

It is trained with right and with permuted labels, and measured on other images.

training ─► states (labels, epoch, network) ─► last hidden layer ─► records.
"""

from dataclasses import replace

import numpy as np
from threadpoolctl import threadpool_limits

from .._measures.catalogue import ERROR, FORMS, prepare_measures
from .._tools.progress import say
from ..datasets import corrupt_labels
from ..plotting import TrainingDynamicsDisplay
from ..probing._representation import hidden_activations
from . import report
from .errors import blamed_on

HIDDEN_LAYERS = (64, 32)
EPOCHS = (0, 1, 3, 10, 30)
STEP = 0.01
# Nothing is learned with it: the weights stay as they were drawn.
NO_STEP = 1e-12
MEASURED = ("dse", *(key for name in FORMS for key in (name, name + ERROR)))
COLUMNS = {
    "labels": ("labels", "s"),
    "epoch": ("epoch", "d"),
    "test_accuracy": ("test accuracy", ".3f"),
    **{key: report.COLUMNS[key] for key in MEASURED},
}
PANELS = ("test_accuracy", *FORMS, "dse")


def digits_job(dse, forms):
    """A perceptron before, during and after training, on images it has not seen."""
    X, X_test, y, y_test = halves()
    # Work this small takes longer on more threads, and rounds differently.
    with threadpool_limits(1), blamed_on("digits"):
        # DSE takes longest, and comes last: what is wrong shows sooner.
        measures = {name: (one, "y") for name, one in forms.items()}
        measures |= {"dse": (dse, None)}
        prepared = prepare_measures(measures, X_test, y_test, None)
    widths = "-".join(map(str, (X.shape[1], *HIDDEN_LAYERS, len(np.unique(y)))))
    return report.Job(
        records=_measure_states(states(X, y), X_test, y_test, prepared),
        name="labels",
        columns=COLUMNS,
        heading=(
            f"Perceptron {widths} in training on half of the bundled digits, with",
            f"right and with permuted labels; measured on {len(X_test)} other images.",
            "Z: activations of the last hidden layer; Y: the digit.",
            *report.OF_FORMS,
        ),
        title="A perceptron in training, measured on images it has not seen",
        draw=draw,
    )


def halves(seed=0):
    """Pixels for training and for measuring, and the digits of both."""
    from sklearn.datasets import load_digits
    from sklearn.model_selection import train_test_split

    X, y = load_digits(return_X_y=True)
    return train_test_split(X / 16, y, test_size=0.5, stratify=y, random_state=seed)


def states(X, y, seed=0):
    """Kind of labels, epoch and network, which goes on learning after each."""
    from sklearn.neural_network import MLPClassifier

    permuted = corrupt_labels(y, 1, random_state=seed)
    for kind, labels in {"right": y, "permuted": permuted}.items():
        mlp = MLPClassifier(HIDDEN_LAYERS, learning_rate_init=STEP, random_state=seed)
        untrained = MLPClassifier(**mlp.get_params() | {"learning_rate_init": NO_STEP})
        yield kind, 0, untrained.partial_fit(X, labels, classes=np.unique(y))
        for epoch in range(1, EPOCHS[-1] + 1):
            mlp.partial_fit(X, labels, classes=np.unique(y))
            if epoch in EPOCHS:
                yield kind, epoch, mlp


def last_hidden(mlp, X):
    """Activations of X in the last hidden layer."""
    return hidden_activations(mlp, X)[-1]


def _measure_states(found, X, y, prepared):
    """Position, record and spectrum of each state."""
    # The next state is trained on one thread, too: entered for each, not for all, as
    # whoever takes the records does so in between.
    i, found = 0, iter(found)
    while True:
        with threadpool_limits(1):
            state = next(found, None)
            if state is None:
                return
            labels, epoch, mlp = state
            name = f"{labels} labels, epoch {epoch}"
            Z = last_hidden(mlp, X)
            record, spectrum, notes = report.measure(name, Z, prepared)
            accuracy = float(mlp.score(X, y))
        for note in notes:
            say(note)
        del record["name"]
        state = {"labels": labels, "epoch": epoch, "test_accuracy": accuracy}
        yield i, state | record, replace(spectrum, epoch=epoch)
        i += 1


def draw(records, units, figure):
    """Draw accuracy, DSMI and DSE against the epoch, with a curve for each labels."""
    figure.set_size_inches(3.2 * len(PANELS), 3.4)
    axes = figure.subplots(1, len(PANELS))
    TrainingDynamicsDisplay.from_frame(
        records, measures=PANELS, by="labels", unit=units, ax=axes
    )
    for ax in axes:
        ax.set_xscale("symlog", linthresh=1, linscale=0.5)
        ax.set_xticks(EPOCHS, map(str, EPOCHS))
        ax.minorticks_off()
    axes[0].set_ylim(0, 1)
    for ax in axes[1 : 1 + len(FORMS)]:
        ax.set_ylim(0, 1.1 * ax.get_ylim()[1])
        ax.locator_params(axis="y", nbins=5)
    # Where no curve is.
    handles, names = axes[0].get_legend_handles_labels()
    axes[0].get_legend().remove()
    axes[1].legend(handles, names, title="labels in training", loc="lower right")
