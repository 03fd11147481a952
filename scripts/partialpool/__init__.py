"""Bayesian multilevel models of repeated measurements: data, fits, comparisons, predictions, figures."""

__version__ = "0.1.0"
