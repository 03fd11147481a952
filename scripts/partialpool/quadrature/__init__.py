"""Models in which the effects of each unit are integrated out by quadrature, given all else, and those without effects.

``families`` have the density of a measurement, and ``densities`` those of units and of rows, ``gaussian`` the same in
closed form. ``model`` is the density of what is left, ``posterior`` draws it, and ``effects`` those of the units, of
which one is drawn below an ``envelope``.
"""
