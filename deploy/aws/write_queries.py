"""Writes queries.yaml, which puts the saved queries into Athena's console; a test fails when they differ."""

from __future__ import annotations

import json
import textwrap
from pathlib import Path

from spotify_assets.analytics.queries import SavedQuery, saved_queries

TEMPLATE = Path(__file__).with_name("queries.yaml")
HEAD = """\
# Written by deploy/aws/write_queries.py from spotify_assets/analytics/queries. Do not edit it by hand.
AWSTemplateFormatVersion: "2010-09-09"
Description: >-
  Spotify Assets, the saved queries in Athena's console, for the analysts' workgroup of lake.yaml.

Parameters:
  LakeStack:
    Type: String
    Default: spotify-assets-lake
    Description: Name of the stack of lake.yaml.

Resources:
"""
QUERY = """\
  {resource}:
    Type: AWS::Athena::NamedQuery
    Properties:
      Name: {name}
      Description: {description}
      Database: {{"Fn::ImportValue": !Sub "${{LakeStack}}-DatabaseName"}}
      WorkGroup: {{"Fn::ImportValue": !Sub "${{LakeStack}}-AnalystWorkGroup"}}
      QueryString: |
{text}
"""


def template() -> str:
    """The whole template. CloudFormation takes 51,200 bytes from the command line."""
    return HEAD + "\n".join(_resource(query) for query in saved_queries().values())


def _resource(query: SavedQuery) -> str:
    return QUERY.format(
        resource=query.name.replace("_", " ").title().replace(" ", ""),
        name=query.name,
        description=json.dumps(query.answers),
        text=textwrap.indent(query.text.strip(), " " * 8),
    )


if __name__ == "__main__":
    TEMPLATE.write_text(template(), encoding="utf-8")
