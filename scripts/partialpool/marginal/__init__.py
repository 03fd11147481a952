"""The marginal engine: Gaussian multilevel models with all coefficients integrated out."""
