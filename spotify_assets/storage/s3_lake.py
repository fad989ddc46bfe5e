"""The lake in a bucket. Imported only when it is used: dagster_aws costs more to import than all definitions."""

from typing import Any

import dagster as dg
from botocore.exceptions import BotoCoreError
from dagster_aws.s3 import S3Resource
from pydantic import PrivateAttr

from spotify_assets.aws.answers import check_answers
from spotify_assets.errors import StorageError
from spotify_assets.storage.lake import Lake
from spotify_assets.storage.object_store import ObjectStore
from spotify_assets.storage.s3_object_store import S3ObjectStore


class S3Lake(Lake):
    """A prefix of a bucket, reached by dagster-aws's `S3Resource` with AWS's own variables."""

    bucket: str
    prefix: str
    _client: Any = PrivateAttr(default=None)

    def store(self) -> ObjectStore:
        """See `Lake`. One client serves the whole run.

        Raises:
            StorageError: AWS's own variables and files contradict each other.
        """
        if self._client is None:
            self._client = _open_client()
        return S3ObjectStore(self._client, self.bucket, self.prefix)

    def teardown_after_execution(self, context: dg.InitResourceContext) -> None:  # noqa: ARG002 - Dagster calls it so
        """Close the connections of the run."""
        if self._client is not None:
            self._client.close()


def _open_client() -> Any:
    try:
        client = S3Resource().get_client()
    except (BotoCoreError, ValueError) as error:
        # What boto3 finds wrong before it asks anybody.
        raise StorageError(
            "The bucket's client cannot be made.",
            why=str(error),
            remedy="check AWS's own variables and files: AWS_PROFILE, AWS_ENDPOINT_URL, AWS_DEFAULT_REGION",
        ) from error
    check_answers(client)
    return client
