"""The libraries that a page carries with it: Vega, and DataTables as itables ships it. So it needs no other file."""

from __future__ import annotations

from functools import cache
from importlib.resources import files


@cache
def vega() -> str:
    """Vega, Vega-Lite and Vega-Embed as one script, as vl-convert bundles them; it takes some seconds, once."""
    import vl_convert

    return _inline(vl_convert.javascript_bundle())  # type: ignore[call-arg]  # its types lack the default


@cache
def tables() -> str:
    """DataTables as a module of JavaScript, whose default is its class."""
    return _inline((files("itables") / "html" / "dt_bundle.js").read_text(encoding="utf-8"))


@cache
def tables_style() -> str:
    """DataTables' style sheet."""
    return (files("itables") / "html" / "dt_bundle.css").read_text(encoding="utf-8")


def _inline(script: str) -> str:
    """A script as it may stand within a page: nothing in it ends the element, or begins a comment of the page."""
    return script.replace("</script", r"<\/script").replace("<!--", r"<\!--")
