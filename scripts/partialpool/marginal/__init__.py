"""The marginal engine: Gaussian multilevel models with all coefficients integrated out.

``closed_form`` has the matrices of models that can be fitted so. The likelihood of the ``scales``, and draws of all
coefficients given them, are in ``without_effects`` and ``with_effects``; the latter has its statistics from ``rows``,
and sums over units from ``unit``, in the small linear algebra of ``lanes``, with NumPy or as ``machine_code``. Common
coefficients are in ``coordinates`` of their own. ``sample`` draws the scales, and ``posterior`` all that a fit keeps.
"""
