"""A study held against its data; results against printed numbers, a reference, and an archive.

``suits`` holds a study against its data before anything is fitted, ``published`` results against printed numbers, and
``reference`` against those of a release. ``archive`` packs all of it, and ``verify`` checks such an archive.
"""
