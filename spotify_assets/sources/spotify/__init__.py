"""Spotify's Web API: a playlist at this moment, and the objects that complete it."""
