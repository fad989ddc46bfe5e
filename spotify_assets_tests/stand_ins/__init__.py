"""Servers that stand in for Spotify and AWS on this machine, so that real clients are on the wire."""
