"""Where a day's playlist comes from; each source gives a `PlaylistSnapshot`."""
