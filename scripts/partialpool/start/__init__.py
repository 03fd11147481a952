"""Start a study: from a data file and the roles of its columns to a folder that runs.

``command`` is the command line, and ``ask`` its questions. ``study`` makes the folder from ``columns`` and their
``roles``: what is known of the data (``facts``), the ``family`` (of ``skewed`` outcomes by likelihood), ``priors``,
models (``ladder``), other ``sections``, with ``words`` guessed from names of columns. ``write`` makes the text of the
config, and ``questions`` are what the data leave open.
"""
