"""Chart files that people downloaded: reading them, telling whose they are, and completing their rows."""
