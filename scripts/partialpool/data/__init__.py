"""From an address to a typed, checked and described table."""
