"""Records to draw, and what is read off a drawing."""

import numpy as np

RECORDS = [
    {
        "run": run,
        "layer": layer,
        "epoch": epoch,
        "accuracy": 0.2 * epoch + 0.05 * run,
        "dse": 6 - epoch + run * (epoch > 0),
        "dse_std_error": 0.125,
        "dsmi": epoch / 2.0,
        "dsmi_std_error": 0.25,
        "n_features": width,
    }
    for run in (0, 1)
    for layer, width in (("hidden_1", 8), ("output", 3))
    for epoch in (0, 1, 2)
]


def vertices(band):
    """Lower and upper edge of a band: the largest and smallest y at each x."""
    points = np.concatenate([path.vertices for path in band.get_paths()])
    xs = np.unique(points[:, 0])
    edges = [points[points[:, 0] == x, 1] for x in xs]
    return xs, np.array([e.min() for e in edges]), np.array([e.max() for e in edges])


def segments(errorbar):
    """Lower and upper end of each error bar."""
    (bars,) = errorbar.lines[2]
    return np.array([segment[:, 1] for segment in bars.get_segments()]).T
