"""A page of the report as a test reads it: its text, its tables, and the data that its scripts take."""

from __future__ import annotations

import json
from html.parser import HTMLParser

WITHOUT_END = {"meta", "link", "br"}


class ReportPage(HTMLParser):
    """What a page holds.

    Attributes:
        text: by id of a section, what stands in it, white space as one space.
        tables: by section, its tables in order, each a list of rows of cells; headings are the first row.
        items: by heading of a card, the texts of its list.
        links: the addresses that the page leads to.
        data: by id of a script element, the data in it.
    """

    def __init__(self, html):
        super().__init__()
        self.html = html
        self.text, self.tables, self.items, self.links, self.data = {}, {}, {}, [], {}
        self._open, self._sections, self._heading = [], [], ""
        self.feed(html)
        assert self._open == [], "an element is not closed"
        self.text = {section: " ".join(text.split()) for section, text in self.text.items()}

    def handle_starttag(self, tag, attributes):
        attributes = dict(attributes)
        if tag not in WITHOUT_END:
            self._open.append((tag, attributes))
        if tag == "section":
            self._sections.append(attributes.get("id") or (self._sections[-1] if self._sections else ""))
        elif tag == "a":
            self.links.append(attributes["href"])
        elif tag == "table":
            self.tables.setdefault(self._section, []).append([])
        elif tag == "tr":
            self.tables[self._section][-1].append([])
        elif tag in ("td", "th"):
            self.tables[self._section][-1][-1].append("")
        elif tag in ("h3", "h4"):
            self._heading = ""
        elif tag == "li":
            self.items.setdefault(self._heading.strip(), []).append("")

    def handle_startendtag(self, tag, attributes):
        """An element of a drawing, which holds no text."""

    def handle_endtag(self, tag):
        opened, _ = self._open.pop()
        assert opened == tag
        if tag == "section":
            self._sections.pop()

    def handle_data(self, text):
        tags = [tag for tag, _ in self._open]
        if tags and tags[-1] in ("script", "style"):
            of = self._open[-1][1]
            if of.get("type") == "application/json":
                self.data[of["id"]] = json.loads(text)
            return
        self.text[self._section] = self.text.get(self._section, "") + text
        if "td" in tags or "th" in tags:
            row = self.tables[self._section][-1][-1]
            row[-1] = " ".join(f"{row[-1]} {text}".split())
        if {"h3", "h4"} & set(tags) and "span" not in tags:
            self._heading += text
        if "li" in tags:
            listed = self.items[self._heading.strip()]
            listed[-1] = " ".join(f"{listed[-1]} {text}".split())

    @property
    def _section(self):
        return self._sections[-1] if self._sections else ""
