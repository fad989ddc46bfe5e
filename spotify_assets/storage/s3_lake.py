"""The lake in a bucket. Imported only when it is used: dagster_aws costs more to import than all definitions."""

import dagster as dg
from dagster_aws.s3 import S3Resource

from spotify_assets.storage.lake import Lake
from spotify_assets.storage.object_store import ObjectStore
from spotify_assets.storage.s3_object_store import S3ObjectStore


class S3Lake(Lake):
    """A prefix of a bucket, reached by dagster-aws's `S3Resource`."""

    s3: dg.ResourceDependency[S3Resource]
    bucket: str
    prefix: str

    def store(self) -> ObjectStore:
        """See `Lake`."""
        return S3ObjectStore(self.s3.get_client(), self.bucket, self.prefix)
