"""Pages from templates: text, tables, style and drawings in a single file.

A page loads nothing and runs nothing: no scripts, no fonts, no addresses but links to papers.  The
frame of every page is `base.html`; what several show, as pictures, is a macro in `parts.html`.
"""

from collections.abc import Callable, Mapping
from importlib import resources
from typing import Any

import jinja2


def render(
    template: str, filters: Mapping[str, Callable[..., Any]] | None = None, **values: Any
) -> str:
    """A page from one of the templates beside this file, with the house's style in it.

    Args:
        template: the file's name.
        filters: functions that the template calls, by name.
        values: what the template shows.
    """
    folder = resources.files("marginflow.report")
    environment = jinja2.Environment(
        loader=jinja2.FunctionLoader(lambda name: (folder / name).read_text(encoding="utf-8")),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= dict(filters or {})
    style = (folder / "page.css").read_text(encoding="utf-8")
    return environment.get_template(template).render(style=style, **values)
