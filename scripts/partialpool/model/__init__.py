"""What a model is: formula, priors, names, and its construction in Bambi.

From the config alone: ``grammar`` (what may stand in a formula), ``parts`` (what stands where in it), ``priors``,
``families``, ``spec``; what formulae reads is from ``without_splines``. With the data: ``formula`` (complete cases),
``outcome``, ``matrices``, ``automatic`` (priors that are left out), ``assign`` (which parameter has which prior), and
``build`` (the Bambi model) with ``lkj``, ``information`` and ``centring`` (how group-level effects are sampled), run in
the context of ``reproducible``, or ``design`` (the model without Bambi). Told before a fit: ``finite``,
``identified``, ``assignable``, ``doubts``. Of a posterior: ``names``, ``variables``, ``parameters``, ``population``.
"""
