"""Tests of `spotify_assets`, module by module."""
