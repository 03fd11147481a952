"""Figures, drawn with plotnine."""
