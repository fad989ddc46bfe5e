"""The command `spotify-assets`, and what only it needs."""
