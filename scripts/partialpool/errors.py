"""The one exception that stands for a mistake the user can mend."""

import difflib


class StudyError(Exception):
    """What is wrong, where, and what to do, in one screen; shown without a traceback."""


def suggest(word, choices) -> str:
    """``" Did you mean 'x'?"`` if one of the choices is near, else an empty string."""
    near = difflib.get_close_matches(str(word), [str(choice) for choice in choices], n=1, cutoff=0.5)
    return f" Did you mean '{near[0]}'?" if near else ""
