"""A bucket as an object store. Which bucket, and with which client, is decided in `resources`."""

from __future__ import annotations

import io
import mimetypes
import shutil
import tempfile
from collections.abc import Sequence
from typing import IO, TYPE_CHECKING

from botocore.exceptions import BotoCoreError, ClientError

from spotify_assets.errors import StorageError
from spotify_assets.storage.object_store import StoredObject, missing

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

DELETED_PER_CALL = 1000


class S3ObjectStore:
    """A prefix of an S3 bucket. S3 replaces an object whole: readers see the old or the new one."""

    def __init__(self, client: S3Client, bucket: str, prefix: str) -> None:
        """Use `bucket` below `prefix` (no slashes at its ends; may be empty)."""
        self._client = client
        self._bucket = bucket
        self._prefix = f"{prefix}/" if prefix else ""

    def list_keys(self, prefix: str) -> list[str]:
        """See `ObjectStore`."""
        return [stored.key for stored in self.list_objects(prefix)]

    def list_objects(self, prefix: str) -> list[StoredObject]:
        """See `ObjectStore`."""
        pages = self._client.get_paginator("list_objects_v2").paginate(
            Bucket=self._bucket, Prefix=self._prefix + prefix
        )
        try:
            found = [
                StoredObject(item["Key"].removeprefix(self._prefix), item["LastModified"], item["ETag"], item["Size"])
                for page in pages
                for item in page.get("Contents", [])
            ]
        except (BotoCoreError, ClientError) as error:
            raise self._refused(prefix, "listed", error) from error
        return sorted(found, key=lambda stored: stored.key)

    def read(self, key: str) -> bytes:
        """See `ObjectStore`."""
        file = io.BytesIO()
        self._download(key, file)
        return file.getvalue()

    def open(self, key: str) -> IO[bytes]:
        """See `ObjectStore`. What the bucket gives cannot be sought: it is copied to an unnamed temporary file."""
        file = tempfile.TemporaryFile()  # noqa: SIM115 - the caller closes it
        try:
            self._download(key, file)
        except BaseException:
            file.close()
            raise
        file.seek(0)
        return file

    def _download(self, key: str, file: IO[bytes]) -> None:
        try:
            shutil.copyfileobj(self._client.get_object(Bucket=self._bucket, Key=self._prefix + key)["Body"], file)
        except self._client.exceptions.NoSuchKey:
            raise missing(self.uri(key)) from None
        except (BotoCoreError, ClientError) as error:
            raise self._refused(key, "read", error) from error

    def write(self, key: str, data: bytes | IO[bytes]) -> None:
        """See `ObjectStore`."""
        try:
            # By its type a browser knows that it may show a page, instead of saving it.
            content_type = mimetypes.guess_type(key)[0] or "application/octet-stream"
            self._client.put_object(Bucket=self._bucket, Key=self._prefix + key, Body=data, ContentType=content_type)
        except (BotoCoreError, ClientError) as error:
            raise self._refused(key, "written", error) from error

    def write_over(self, before: bytes | None, key: str, data: bytes) -> bool:
        """See `ObjectStore`. The bucket compares, by what HTTP calls a conditional request."""
        name = self._prefix + key
        try:
            if before is None:
                self._client.put_object(Bucket=self._bucket, Key=name, Body=data, IfNoneMatch="*")
                return True
            found = self._client.get_object(Bucket=self._bucket, Key=name)
            if found["Body"].read() != before:
                return False
            self._client.put_object(Bucket=self._bucket, Key=name, Body=data, IfMatch=found["ETag"])
        except ClientError as error:
            if error.response["Error"]["Code"] in ("PreconditionFailed", "ConditionalRequestConflict", "NoSuchKey"):
                return False
            raise self._refused(key, "written", error) from error
        except BotoCoreError as error:
            raise self._refused(key, "written", error) from error
        return True

    def copy(self, source: str, target: str) -> None:
        """See `ObjectStore`."""
        try:
            self._client.copy_object(
                Bucket=self._bucket,
                Key=self._prefix + target,
                CopySource={"Bucket": self._bucket, "Key": self._prefix + source},
            )
        except (BotoCoreError, ClientError) as error:
            raise self._refused(source, "copied", error) from error

    def delete(self, key: str) -> None:
        """See `ObjectStore`."""
        try:
            self._client.delete_object(Bucket=self._bucket, Key=self._prefix + key)
        except (BotoCoreError, ClientError) as error:
            raise self._refused(key, "removed", error) from error

    def delete_all(self, keys: Sequence[str]) -> None:
        """See `ObjectStore`."""
        for start in range(0, len(keys), DELETED_PER_CALL):
            batch = keys[start : start + DELETED_PER_CALL]
            try:
                failed = self._client.delete_objects(
                    Bucket=self._bucket,
                    Delete={"Objects": [{"Key": self._prefix + key} for key in batch], "Quiet": True},
                ).get("Errors", [])
            except (BotoCoreError, ClientError) as error:
                raise self._refused(batch[0], "removed", error) from error
            if failed:
                key = failed[0]["Key"].removeprefix(self._prefix)
                raise self._refused(key, "removed", f"{failed[0]['Message']} ({len(failed)} of {len(batch)} objects)")

    def uri(self, key: str) -> str:
        """See `ObjectStore`."""
        return f"s3://{self._bucket}/{self._prefix}{key}"

    def _refused(self, key: str, what: str, error: Exception | str) -> StorageError:
        return StorageError(
            f"{self.uri(key)} cannot be {what}.",
            why=str(error),
            remedy=(
                "check that the bucket exists, that AWS credentials and region are set, and that they allow "
                "s3:ListBucket, s3:GetObject, s3:PutObject and s3:DeleteObject on the lake"
            ),
        )
