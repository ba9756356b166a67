"""Pages from templates: text, tables, style and drawings in a single file.

A page loads nothing and runs nothing: no scripts, no fonts, no addresses but links to papers.
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
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= dict(filters or {})
    page = environment.from_string((folder / template).read_text(encoding="utf-8"))
    return page.render(style=(folder / "page.css").read_text(encoding="utf-8"), **values)
