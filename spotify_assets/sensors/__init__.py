"""The sensors, one module each; `work` tells what is under way."""
