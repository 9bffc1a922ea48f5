"""Order of the gallery: sections and examples by topic, from first steps on."""

from pathlib import Path

SECTIONS = {
    "start": ["quick_start", "noise_resilience", "entropy_curve", "spectrum"],
    "choosing": [
        "alpha_and_bandwidth",
        "grid_search",
        "multi_metric",
        "permutation_test",
        "probe_in_pipeline",
        "pretrained_encoders",
    ],
    "networks": [
        "layer_profile",
        "training_curve",
        "torch_tracker",
        "dse_regulariser",
        "dsmi_regulariser",
        "collapse",
        "lightning",
        "trainer",
        "transformer_layers",
    ],
    "scale": ["hundred_thousand", "precomputed"],
}
ORDER = [f"plot_{name}.py" for names in SECTIONS.values() for name in names]


def topic_key(filename):
    """Place of an example in its section."""
    return ORDER.index(Path(filename).name)
