"""What `spotify-assets doctor` looks at, a module for each thing. It changes nothing and leaves nothing behind."""

from spotify_assets.cli.doctor.examination import examine, verify
from spotify_assets.cli.doctor.findings import Finding

__all__ = ["Finding", "examine", "verify"]
