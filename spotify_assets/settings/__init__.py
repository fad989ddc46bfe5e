"""The settings: environment variables and the playlists file, read and validated once."""

from spotify_assets.settings.environment import (
    PlaylistSettings,
    Settings,
    SpotifySettings,
    load_settings,
)

__all__ = ["PlaylistSettings", "Settings", "SpotifySettings", "load_settings"]
