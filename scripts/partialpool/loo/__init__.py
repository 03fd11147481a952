"""Leave-one-out cross-validation."""
