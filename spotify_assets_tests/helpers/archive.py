"""A platform whose playlist comes from the public archive, over the stand-in of GitHub."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path

from spotify_assets_tests.stand_ins.github import JAPAN_TOP_50, REPOSITORY, GithubServer, make_list

PLAYLISTS_FILE = """
start: 2019-01-01
playlists:
  - {{slug: chart, title: Top 50 - Japan, source: archive, playlist_id: {playlist_id}}}
"""


def archive_environment(github: GithubServer, folder: Path) -> dict[str, str]:
    """The variables of a platform with one archived playlist, called chart."""
    playlists = folder / "playlists.yaml"
    playlists.write_text(PLAYLISTS_FILE.format(playlist_id=JAPAN_TOP_50), encoding="utf-8")
    return {
        **github.environment(),
        "SPOTIFY_ASSETS_PLAYLISTS": str(playlists),
        "SPOTIFY_ASSETS_LAKE": str(folder / "lake"),
    }


def record_days(github: GithubServer, first: date, last: date, repository: str = REPOSITORY) -> None:
    """A list of fifty songs for each day, another each day; recorded at half past nine in the morning in Japan."""
    for ordinal in range(first.toordinal(), last.toordinal() + 1):
        day = date.fromordinal(ordinal)
        renewed = f"{day - timedelta(days=1)} 13:52:15"
        github.record(
            repository, f"{day}T00:30:00Z", make_list(range(ordinal % 1000, ordinal % 1000 + 50), renewed=renewed)
        )
