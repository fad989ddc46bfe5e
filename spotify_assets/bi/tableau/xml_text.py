"""Elements of Tableau's XML, and the text of a document."""

from __future__ import annotations

import uuid
from xml.etree import ElementTree as ET

VERSION = "26.2"
"""Of the schema that Tableau publishes for workbooks of 2026.2; older versions of Tableau do not open them."""
USER = "http://www.tableausoftware.com/xml/user"
_NAMESPACE = uuid.UUID("0d5e2e53-7c52-4a53-9c0d-2fbbd9b0f1c4")

ET.register_namespace("user", USER)


def element(tag: str, attributes: dict[str, str] | None = None, *children: ET.Element | str) -> ET.Element:
    """An element; attributes that begin with `user:` are of Tableau's namespace of that name."""
    made = ET.Element(tag, {name.replace("user:", f"{{{USER}}}"): value for name, value in (attributes or {}).items()})
    for child in children:
        if isinstance(child, str):
            made.text = child
        else:
            made.append(child)
    return made


def identifier(name: str) -> str:
    """Tableau's kind of identifier for something of this name, the same wherever it is made."""
    return str(uuid.uuid5(_NAMESPACE, name)).upper()


def simple_id(name: str) -> ET.Element:
    """The element by which Tableau knows a sheet, a dashboard or a window again."""
    return element("simple-id", {"uuid": f"{{{identifier(name)}}}"})


def document(root: ET.Element) -> str:
    """The text of a document."""
    ET.indent(root)
    return "<?xml version='1.0' encoding='utf-8'?>\n" + ET.tostring(root, encoding="unicode") + "\n"
