"""Spotify Assets: a Spotify chart playlist as a lake of daily tables, in Dagster software-defined assets."""
