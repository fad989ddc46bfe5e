"""Pure functions from snapshots to tables. Nothing here imports Dagster."""
