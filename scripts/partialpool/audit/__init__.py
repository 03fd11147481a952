"""A study held against its data; results against printed numbers, a reference, and an archive."""
