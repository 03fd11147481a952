"""Expected and predicted values of units.

``predict`` makes what is ``asked``: ``points`` (or ``rows`` of a file), ``values`` there, ``changes`` of these
(averages, contrasts, slopes), and ``tables``, whose columns ``summary`` has and reads. Values are from the ``linear``
predictor and ``means``, or ``by_bambi``; effects of units from ``new_units`` (``by_level`` of a categorical outcome)
and ``effects``, drawn again where a fit has ``kept`` a summary. ``variance`` has R2 (``explained``), intraclass
correlations (``partition``) and ``ratios``, from the ``moments`` of a measurement. ``conditional`` varies one
predictor. ``configured`` makes all predictions of a config, ``of_models`` the summaries of its models.
"""
