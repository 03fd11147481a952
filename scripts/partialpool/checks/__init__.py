"""Checks of a model: does it fit the data, and what do its conclusions depend on?

``of_models`` makes the tables of all checks from a ``fitted`` model: ``prior`` (by ``priors``), ``predictive``,
``loo_pit``, ``sensitivity``, ``influence`` and ``wambs``. Without some data or with other priors, draws have weights
(``left_out``) or are made anew (``powered``).
"""
