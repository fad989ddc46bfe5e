"""The lake as a Dagster resource, so that the UI shows where it is: a folder, or (in `s3_lake`) a bucket."""

from abc import ABC, abstractmethod

import dagster as dg
from pydantic import PrivateAttr

from spotify_assets.storage.daily_files import DailyFiles, list_daily_files
from spotify_assets.storage.object_store import LocalObjectStore, ObjectStore


class Lake(dg.ConfigurableResource, ABC):  # type: ignore[type-arg]
    """Where everything is stored."""

    _daily_files: DailyFiles | None = PrivateAttr(default=None)

    @abstractmethod
    def store(self) -> ObjectStore:
        """The objects of the lake."""

    def daily_files(self, *, anew: bool) -> DailyFiles:
        """The objects of the daily tables, listed once for all steps of a run that share a process.

        Args:
            anew: list them now, whatever was listed before.

        Raises:
            StorageError: the lake cannot be listed.
        """
        if anew or self._daily_files is None:
            self._daily_files = list_daily_files(self.store())
        return self._daily_files


class LocalLake(Lake):
    """A folder of this machine."""

    folder: str

    def store(self) -> ObjectStore:
        """See `Lake`."""
        return LocalObjectStore(self.folder)
