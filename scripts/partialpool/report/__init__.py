"""The report: its tables, captions, equations and page.

``results`` reads what a run made, ``sections`` makes the parts of the page from it, and ``page`` the page of the
notebook that shows them. What sections say: ``in_short``, ``tables``, ``variance``, ``checks``, ``model_checks``,
``comparisons``, ``predicted`` with ``beyond``, ``published``, ``provenance``, ``sampling``, ``columns``, ``texts``;
``guidelines`` with ``reported``; ``captions`` with ``whose``; ``meaning`` of parameters; ``equations`` of ``terms``,
``families`` and ``latex``. Of what they are made: ``elements``, ``figures``, ``markdown``, ``glossary``, ``numbers``,
``words``. For a paper: ``for_paper`` with ``paper``, ``paper_files``, ``methods`` and ``references``.
"""
