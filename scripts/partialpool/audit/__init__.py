"""Results held against printed numbers, a reference, and an archive."""
