"""The synthetic chart: invented songs for any day."""
