"""Which bytes are which letters: text files that are not UTF-8, of which the config must say what they are."""

import codecs
import re

from partialpool.errors import StudyError

UTF_8 = "utf-8"
ENCODINGS = {
    UTF_8: "of all languages",
    "cp1252": "Windows, western Europe",
    "cp1250": "Windows, central Europe",
    "cp1251": "Windows, Cyrillic",
    "cp1253": "Windows, Greek",
    "cp1254": "Windows, Turkish",
    "cp1257": "Windows, Baltic",
    "mac-roman": "old Macs, western Europe",
    "iso8859-1": "Latin-1, western Europe",
    "iso8859-2": "Latin-2, central Europe",
    "iso8859-15": "Latin-9, western Europe",
    "cp850": "DOS, western Europe",
    "cp932": "Windows, Japanese",
    "gb18030": "Chinese",
    "cp950": "Windows, traditional Chinese",
    "cp949": "Windows, Korean",
    "utf-16": "what Excel calls Unicode text",
}
"""By name, whose text it is."""
# In these nearly any bytes are some text, so that bytes that are UTF-8 are nothing else.
_OF_ONE_BYTE = {name for name in ENCODINGS if name.startswith(("cp12", "iso", "mac", "cp850"))}
# Those that messages show words in: of the others either nothing is readable, or the same as in one of these.
_LIKELY = ("cp1252", "cp1250", "cp1251", "cp1253", "cp1254", "mac-roman", "cp932", "gb18030")
_BETWEEN = re.compile(rb'[,;\t"\r\n]+')
_SHOWN = 4


def canonical(name: str) -> str:
    """The name that `ENCODINGS` has for an encoding, as ``cp1252`` for ``Windows-1252``; other text as it is."""
    try:
        known = codecs.lookup(name).name
    except LookupError:
        return name
    return next((own for own in ENCODINGS if codecs.lookup(own).name == known), name)


def as_utf8(path, content: bytes, encoding: str | None) -> bytes:
    """The bytes of a text file as UTF-8, without a byte order mark.

    Parameters
    ----------
    path
        The file, for messages.
    content
        Its bytes.
    encoding
        One of `ENCODINGS`; None, UTF-8, if nobody said.

    Raises
    ------
    StudyError
        The bytes are no text of this encoding; the message shows words of the file in likely ones.
    """
    if encoding in (None, UTF_8):
        _refuse_other_than_utf8(path, content)
        return content.removeprefix(codecs.BOM_UTF8)
    if content.startswith(codecs.BOM_UTF8) or (
        encoding in _OF_ONE_BYTE and not content.isascii() and _is_utf8(content)
    ):
        raise StudyError(f"{path} is UTF-8 and not {encoding}: leave the encoding out (data.encoding).")
    try:
        return content.decode(encoding).encode().removeprefix(codecs.BOM_UTF8)
    except UnicodeError:
        raise StudyError(
            f"{path} is not text in the encoding {encoding} ({ENCODINGS[encoding]}).{_choices(content)}"
        ) from None


def _is_utf8(content: bytes) -> bool:
    try:
        content.decode()
    except UnicodeDecodeError:
        return False
    return True


def _refuse_other_than_utf8(path, content: bytes) -> None:
    if content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        raise StudyError(
            f"{path} is UTF-16 (Excel calls it Unicode text). Say so,\n"
            "  in the config data: {encoding: utf-16}, or to new_study.py --encoding utf-16,\n"
            "or save it as CSV with encoding UTF-8, or as .xlsx."
        )
    try:
        content.decode()
    except UnicodeDecodeError as error:
        line = content[: error.start].count(b"\n") + 1
        raise StudyError(
            f"{path}, line {line}: byte 0x{content[error.start]:02x} (number {error.start + 1} of the file) is not "
            f"UTF-8.{_choices(content)}"
        ) from None


def _choices(content: bytes) -> str:
    """What some words of the file are in likely encodings, and how to say which one is right."""
    words = _telling(content)
    seen: dict[tuple[str, ...], list[str]] = {}
    for encoding in _LIKELY:
        try:
            content.decode(encoding)
            shown = tuple(word.decode(encoding)[:30] for word in words)
        except UnicodeError:
            continue
        if "".join(shown).isprintable():
            seen.setdefault(shown, []).append(encoding)
    otherwise = "ave the file as CSV with encoding UTF-8 (Excel: CSV UTF-8), or as .xlsx, .parquet, .sav or .dta."
    if not words or not seen:
        return f"\nS{otherwise}"
    lines = [f"  {' or '.join(names):<28}{', '.join(shown)}" for shown, names in seen.items()]
    first = next(iter(seen.values()))[0]
    return (
        "\nIts words in some encodings:\n" + "\n".join(lines) + "\nSay which one is right, here the first,\n"
        f"  in the config data: {{encoding: {first}}}, or to new_study.py --encoding {first},\nor s{otherwise}"
    )


def _telling(content: bytes) -> list[bytes]:
    """A few words of the file that have bytes beyond ASCII, each with one that those before it have not."""
    words, known = [], set()
    for word in _BETWEEN.split(content):
        own = {byte for byte in word if byte > 127} - known
        if own and len(words) < _SHOWN:
            words.append(word.strip())
            known |= own
    return words
