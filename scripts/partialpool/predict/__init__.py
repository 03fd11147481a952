"""Expected and predicted values of units."""
