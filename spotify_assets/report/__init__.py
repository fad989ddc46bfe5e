"""What people look at: the chart report, a page per playlist."""
