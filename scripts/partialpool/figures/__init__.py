"""Figures, drawn with plotnine.

``draw`` has those of the config (``units``, ``grid``), ``of_models`` those of every model (``coefficients``,
``effects``, ``conditional``, ``diagnostics``), ``of_checks`` those of its checks (``checks``, ``predictive``);
``comparison``, ``calibration``, ``recovery`` and ``design`` have one each. What they share: ``theme``, ``scales``,
``geoms``, ``order``, ``letters``, ``limits``.
"""
