"""What the processes of `processes` have imported when they start."""

import spotify_assets_tests.helpers.platform  # noqa: F401
