"""How the documentation is built: `make docs`, which runs sphinx-build with warnings as errors."""

import marginflow

project = "marginflow"
author = "The marginflow developers"
project_copyright = "the marginflow developers"
release = version = marginflow.__version__

extensions = [
    "sphinx.ext.autodoc",
    "sphinx.ext.napoleon",
    "matplotlib.sphinxext.mathmpl",
    "matplotlib.sphinxext.plot_directive",
]
html_theme = "furo"
html_title = f"marginflow {release}"
exclude_patterns = ["_build"]
nitpicky = False

autodoc_typehints = "none"
autodoc_member_order = "bysource"
napoleon_google_docstring = True
napoleon_use_rtype = False
napoleon_use_ivar = True
napoleon_attr_annotations = False

plot_html_show_source_link = False
plot_html_show_formats = False
plot_formats = [("png", 140)]
plot_rcparams = {"figure.constrained_layout.use": True, "font.size": 10}
plot_apply_rcparams = True
mathmpl_fontsize = 11.0
mathmpl_srcset = ["2x"]


def _as_plain_text(app, what, name, obj, options, lines):
    """Docstrings are plain text: bars are absolute values and stars are optima, not markup."""
    example = False
    for number, line in enumerate(lines):
        example = line.strip().startswith(">>>") or (example and bool(line.strip()))
        if not example:
            lines[number] = line.replace("|", "\\|").replace("*", "\\*")


def setup(app):
    """Run before Napoleon, which brings markup of its own."""
    app.connect("autodoc-process-docstring", _as_plain_text, priority=400)
