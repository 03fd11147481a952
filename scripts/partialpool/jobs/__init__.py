"""What every job needs: its log, whole files, time and memory, fingerprints, resources.

``job`` is what every script runs in, with ``threads``, ``without_sparse``, ``measure`` and ``running``. ``files`` and
``tables`` are written whole or not at all, and ``written`` knows tables that were edited. Rules use ``fingerprint``
(with ``code``), ``resources``, ``plan``, ``home``, ``clock`` and ``inside`` (what Snakemake knows); a fit uses
``progress``.
"""
