"""Checks of a model: does it fit the data, and what do its conclusions depend on?"""
