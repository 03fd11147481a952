"""The one exception for what the user can mend, and words that several messages share."""

import difflib
import errno
import unicodedata


class StudyError(Exception):
    """What is wrong, where, and what to do, in one screen; shown without a traceback.

    Characters that a terminal would obey and not show, as data may have them, are replaced.
    """

    def __init__(self, message: str):
        super().__init__("".join(_REPLACED if _is_control(character) else character for character in message))


_REPLACED = "\N{REPLACEMENT CHARACTER}"


def _is_control(character: str) -> bool:
    return character not in "\n\t" and unicodedata.category(character).startswith("C")


def suggest(word, choices) -> str:
    """``" Did you mean 'x'?"`` if one of the choices is near, capitals or not, else an empty string."""
    by_small_letters = {str(choice).lower(): choice for choice in choices}
    for choice in map(str, by_small_letters.values()):
        if choice != str(word) and _as_seen(choice) == _as_seen(str(word)):
            return f" '{choice}' only looks alike: {_unlike(choice, str(word))}. Copy it from where it stands."
    near = difflib.get_close_matches(str(word).lower(), by_small_letters, n=1, cutoff=0.5)
    return f" Did you mean '{by_small_letters[near[0]]}'?" if near else ""


def _as_seen(text: str) -> str:
    """A text without differences that nobody sees: kinds of blanks, accents apart or not, characters without width."""
    composed = unicodedata.normalize("NFC", " ".join(text.split()))
    return "".join(character for character in composed if not _is_control(character))


def _unlike(text: str, other: str) -> str:
    """What tells a text from another one that looks alike."""
    for whose, own, others in (("it has", text, other), ("it has no", other, text)):
        if rare := [character for character in own if not character.isascii() and character not in others]:
            return f"{whose} U+{ord(rare[0]):04X} ({unicodedata.name(rare[0], 'a control character').lower()})"
    return "it has more blanks, or fewer"


def is_full_disk(error: OSError) -> bool:
    """Whether the system refused to write because the disk, or the user's quota, is full, or the file too large."""
    return error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


def full_disk(path) -> str:
    """What to say when there is no space left for a file, or for one of its size."""
    return (
        f"No space left on the disk for '{path}' (the disk or your quota is full, or files may not be so large: "
        "ulimit -f).\n"
        "Make room and run the same command again: it goes on with what is left to do."
    )
