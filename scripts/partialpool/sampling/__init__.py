"""Draws from a density of a few dimensions, from its values alone.

``independent`` draws come from a ``mixture`` that is fitted to the density from its ``mode``; where they fail there is
``nuts``. Of a model, the ``space`` of its scales is where they are drawn, with the densities of their ``priors``.
"""
