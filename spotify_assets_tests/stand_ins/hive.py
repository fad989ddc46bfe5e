"""What the crawler and Athena of the stand-in have in common: Hive's types, and the objects of moto's S3."""

from __future__ import annotations

import pyarrow as pa
from moto.core import DEFAULT_ACCOUNT_ID
from moto.s3.models import FakeKey, s3_backends

REGION = "ap-northeast-1"
HIVE_TYPES = {
    "string": "string",
    "large_string": "string",
    "bool": "boolean",
    "int32": "int",
    "int64": "bigint",
    "float": "float",
    "double": "double",
    "date32[day]": "date",
    "timestamp[ms]": "timestamp",
    "timestamp[us]": "timestamp",
}


class HiveError(Exception):
    """What the crawler or Athena cannot do, in its own words."""


def hive_type(where: str, arrow_type: pa.DataType) -> str:
    """Hive's name of the type of a Parquet column."""
    if pa.types.is_list(arrow_type):
        return f"array<{hive_type(where, arrow_type.value_type)}>"
    if str(arrow_type) not in HIVE_TYPES:
        raise HiveError(f"{where}: the type {arrow_type} is not known")
    return HIVE_TYPES[str(arrow_type)]


def stored_objects(location: str) -> dict[str, FakeKey]:
    """The objects below s3://bucket/folder by key, in order, without those that Hive ignores."""
    bucket, prefix = split_location(location)
    stored = _bucket(bucket).keys
    return {
        key: value
        for key, value in sorted(stored.items())
        if key.startswith(prefix) and isinstance(value, FakeKey) and not _is_ignored(key.removeprefix(prefix))
    }


def put_object(bucket: str, key: str, data: bytes) -> None:
    """Store an object in moto's S3."""
    _bucket(bucket)
    s3_backends[DEFAULT_ACCOUNT_ID]["aws"].put_object(bucket, key, data)


def split_location(location: str) -> tuple[str, str]:
    """Bucket and prefix of a folder; the prefix ends in /, or is empty."""
    bucket, _, folder = location.removeprefix("s3://").partition("/")
    prefix = folder.rstrip("/")
    return bucket, f"{prefix}/" if prefix else ""


def _bucket(name: str):
    backend = s3_backends[DEFAULT_ACCOUNT_ID]["aws"]
    if name not in backend.buckets:
        raise HiveError(f"The S3 location s3://{name}/ does not exist")
    return backend.buckets[name]


def _is_ignored(key: str) -> bool:
    return any(part.startswith(("_", ".")) for part in key.split("/"))
