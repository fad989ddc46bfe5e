"""The lake: the object store and, on top of it, the raw layer and the IO managers."""
