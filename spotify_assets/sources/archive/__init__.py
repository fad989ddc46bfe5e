"""The public playlist archive: lists that others recorded from Spotify, day by day, in public GitHub repositories."""
