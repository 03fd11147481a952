"""From a spec and data to a checked fit on disk."""
