"""The configuration: every key, its default, and what is wrong with it.

``study`` is the whole; its sections are ``data``, ``models`` (with ``families``), ``entries`` (comparisons,
predictions, printed numbers), ``figures``, ``simulation``, ``design``, ``guidelines`` and ``report``, all of them
classes of ``base``. ``config`` reads it: ``syntax`` and ``spelling`` look at the file, the classes at each key,
``references`` across keys, and ``messages`` tells all mistakes. What figures of kind `grid` say is in ``grids``.
"""
