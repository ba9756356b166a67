"""How the documentation is built: `make docs`, which runs sphinx-build with warnings as errors."""

import marginflow

project = "marginflow"
author = "The marginflow developers"
copyright = "the marginflow developers"
release = version = marginflow.__version__

extensions = [
    "sphinx.ext.autodoc",
    "sphinx.ext.napoleon",
    "sphinx.ext.mathjax",
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

plot_html_show_source_link = False
plot_html_show_formats = False
plot_formats = [("png", 140)]
plot_rcparams = {"figure.constrained_layout.use": True, "font.size": 10}
plot_apply_rcparams = True
