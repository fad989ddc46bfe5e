"""The settings: environment variables and the playlists file, read and validated once."""

from spotify_assets.settings.environment import Settings, SpotifySettings, load_settings
from spotify_assets.settings.playlists import RESERVED_SLUGS, PlaylistSettings
from spotify_assets.settings.secrets import with_secrets

__all__ = ["RESERVED_SLUGS", "PlaylistSettings", "Settings", "SpotifySettings", "load_settings", "with_secrets"]
