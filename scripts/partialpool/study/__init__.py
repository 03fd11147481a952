"""The configuration: every key, its default, and what is wrong with it."""
