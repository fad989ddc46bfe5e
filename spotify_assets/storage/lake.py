"""The lake as a Dagster resource, so that the UI shows where it is: a folder, or (in `s3_lake`) a bucket."""

from abc import ABC, abstractmethod

import dagster as dg

from spotify_assets.storage.object_store import LocalObjectStore, ObjectStore


class Lake(dg.ConfigurableResource, ABC):  # type: ignore[type-arg]
    """Where everything is stored."""

    @abstractmethod
    def store(self) -> ObjectStore:
        """The objects of the lake."""


class LocalLake(Lake):
    """A folder of this machine."""

    folder: str

    def store(self) -> ObjectStore:
        """See `Lake`."""
        return LocalObjectStore(self.folder)
