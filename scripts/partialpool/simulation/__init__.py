"""Simulation studies: fits on data whose parameters are known."""
