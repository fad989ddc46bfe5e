"""The libraries that a page carries with it: Vega, and DataTables as itables ships it. So it needs no other file."""

from __future__ import annotations

from functools import cache
from importlib.metadata import distribution
from pathlib import Path


@cache
def vega() -> str:
    """Vega, Vega-Lite and Vega-Embed as one script, as vl-convert bundles them; it takes some seconds, once."""
    import vl_convert

    return _inline(vl_convert.javascript_bundle())  # type: ignore[call-arg]  # its types lack the default


@cache
def tables() -> str:
    """DataTables as a module of JavaScript, whose default is its class."""
    return _inline(_of_itables("dt_bundle.js"))


@cache
def tables_style() -> str:
    """DataTables' style sheet."""
    return _of_itables("dt_bundle.css")


def _of_itables(name: str) -> str:
    # By its place and not by an import, which would take a second and a half.
    place = distribution("itables").locate_file(f"itables/html/{name}")
    return Path(str(place)).read_text(encoding="utf-8")


def _inline(script: str) -> str:
    """A script as it may stand within a page: nothing in it ends the element, or begins a comment of the page."""
    return script.replace("</script", r"<\/script").replace("<!--", r"<\!--")
