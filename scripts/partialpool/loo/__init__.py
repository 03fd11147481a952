"""Leave-one-out cross-validation.

``estimate`` takes the best method that a model has: ``integrated`` (closed form: the model ``without`` some rows, and
``leave_out`` for their densities given the scales), ``by_quadrature``, ``without_effects``, or else ``psis``; where it
fails, ``moment_match`` and ``refit`` for single rows, and ``kfold`` for units, by the ``joint`` density of the model.
All give ``pointwise`` values, of which ``compare`` makes tables. ``bayes_factors`` compare evidences.
"""
