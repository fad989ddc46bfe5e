"""The sensors, one module each; `work` finds what is under way."""
