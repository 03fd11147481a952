"""Simulation studies: fits on data whose parameters are known.

``engine`` makes the engine of a model ready to be run many times (``marginal``, ``quadrature``, ``nuts``; data and
fits are those of ``truth``), and ``replicates`` runs it in batches. ``calibration`` has truths ``from_prior``, and
``verdicts`` whether ranks are ``uniform``. ``recovery`` has truths from a fit. The next study: ``cells`` (its rows),
``assumed`` (its parameters), ``next_study`` and ``answers``.
"""
