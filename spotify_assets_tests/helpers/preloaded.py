"""What the processes of `processes` have imported when they start: also what the package imports when it is used."""

# ruff: noqa: F401
import alembic.command

import spotify_assets.analytics.duckdb_engine
import spotify_assets.analytics.identity
import spotify_assets.analytics.publishing
import spotify_assets.cli.due_runs
import spotify_assets.cli.main
import spotify_assets.sources.demo.demo_source
import spotify_assets.storage.raw_layer
import spotify_assets.transforms.daily_tables
import spotify_assets_tests.helpers.platform
from spotify_assets_tests.helpers.cheap_instances import cheap_instances

_OF_ALL_FORKS = cheap_instances()
_OF_ALL_FORKS.__enter__()
