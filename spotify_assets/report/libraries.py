"""The libraries that a page carries with it: Vega, and DataTables as itables ships it. So it needs no other file."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import cache
from importlib.metadata import distribution, version
from pathlib import Path

from spotify_assets.storage.layout import report_library_key
from spotify_assets.storage.object_store import ObjectStore, read_if_present


@dataclass(frozen=True)
class Libraries:
    """What a page carries with it.

    Attributes:
        vega: Vega, Vega-Lite and Vega-Embed as one script.
        tables: DataTables as a module of JavaScript, whose default is its class.
        tables_style: DataTables' style sheet.
    """

    vega: str
    tables: str
    tables_style: str


def read_libraries(store: ObjectStore) -> Libraries:
    """The libraries in the versions that are installed.

    Vega is bundled once and kept in the lake, because that takes two and a half seconds of a processor.

    Raises:
        StorageError: the lake cannot be read or written.
    """
    key = report_library_key(f"vega-{version('vl-convert-python')}.js")
    digest, _, script = (read_if_present(store, key) or b"").partition(b"\n")
    if digest != _digest(script):
        script = _bundled_vega()
        store.write(key, _digest(script) + b"\n" + script)
    return Libraries(_inline(script.decode()), _inline(_of_itables("dt_bundle.js")), _of_itables("dt_bundle.css"))


@cache
def _bundled_vega() -> bytes:
    import vl_convert

    return vl_convert.javascript_bundle().encode()  # type: ignore[call-arg]  # its types lack the default


def _digest(script: bytes) -> bytes:
    return hashlib.sha256(script).hexdigest().encode()


def _of_itables(name: str) -> str:
    # By its place and not by an import, which would take a second and a half.
    place = distribution("itables").locate_file(f"itables/html/{name}")
    return Path(str(place)).read_text(encoding="utf-8")


def _inline(script: str) -> str:
    """A script as it may stand within a page: nothing in it ends the element, or begins a comment of the page."""
    return script.replace("</script", r"<\/script").replace("<!--", r"<\!--")
