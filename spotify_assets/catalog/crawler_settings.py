"""How the crawler of the daily tables has to be set, besides its database and targets, and whether it is.

What the members mean is in AWS Glue's guide ("Customizing crawler behavior") and its API reference (RecrawlPolicy,
SchemaChangePolicy).
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from spotify_assets.errors import CatalogError

if TYPE_CHECKING:
    from mypy_boto3_glue.type_defs import CrawlerTypeDef


def expected_settings(lake_uri: str) -> dict[str, Any]:
    """Members of GetCrawler's answer as they should be, the configuration parsed."""
    return {
        "Configuration": {
            "CrawlerOutput": {
                "Tables": {"AddOrUpdateBehavior": "MergeNewColumns"},
                "Partitions": {"AddOrUpdateBehavior": "InheritFromTable"},
            },
            "Grouping": {
                "TableGroupingPolicy": "CombineCompatibleSchemas",
                # Without it the crawler guesses which folder is a table. The bucket is level 1.
                "TableLevelConfiguration": len(lake_uri.removeprefix("s3://").split("/")) + 1,
            },
        },
        # Only new folders would add no columns, and can be had with LOG alone.
        "RecrawlPolicy": {"RecrawlBehavior": "CRAWL_EVERYTHING"},
        "SchemaChangePolicy": {"UpdateBehavior": "UPDATE_IN_DATABASE", "DeleteBehavior": "LOG"},
    }


def check_settings(seen: CrawlerTypeDef, lake_uri: str) -> None:
    """See that a crawler makes one table of each target, adds columns and partitions, and removes nothing.

    Raises:
        CatalogError: it is set otherwise.
    """
    found = {**seen, "Configuration": _parsed(seen.get("Configuration"))}
    wrong = list(_differences(expected_settings(lake_uri), found, ()))
    if wrong:
        raise CatalogError(
            f"The Glue crawler {seen.get('Name')} is not set as this lake needs it: {'; '.join(wrong)}.",
            why="set otherwise, it may make other tables of the files, pass over new columns, or remove tables",
            remedy="set it so by `aws glue update-crawler`, which takes what docs/aws.md gives create-crawler",
        )


def _parsed(configuration: str | None) -> object:
    try:
        return json.loads(configuration or "{}")
    except ValueError:
        return configuration


def _differences(expected: object, found: object, path: tuple[str, ...]) -> Iterator[str]:
    if isinstance(expected, Mapping):
        for name, value in expected.items():
            yield from _differences(value, found.get(name) if isinstance(found, Mapping) else None, (*path, name))
    elif str(found) != str(expected):
        yield f"{'.'.join(path)} is {'not set' if found is None else found} and should be {expected}"
