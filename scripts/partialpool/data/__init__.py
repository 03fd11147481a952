"""From an address to a typed, checked and described table.

``fetch`` or ``simulate`` makes the file, and ``pages`` are what servers answer in its place; ``read`` finds out its
kind (``delimited``, with its ``encodings``, ``columnar``, ``workbook``) and makes a ``table`` of text. ``prepare``
gives columns their ``types`` and adds those of the config (``derive``, in the language of ``expression``), with
``doubts`` about what may be mistakes; ``describe`` sums them up. ``units`` has the order of ids, ``printed`` reads
printed numbers, and ``notation`` writes large and small ones, for all rooms.
"""
