"""Importance weights: their tails, and how many draws they are worth."""
