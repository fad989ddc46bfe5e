"""What is measured: each figure as a ratio to something that runs beside it. Run with `make bench`."""
