"""The Dagster assets, thin: take input, call a pure function, return. One module per stage of the way."""
