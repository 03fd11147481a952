"""What servers answer in the place of data: web pages, as one to sign in, and messages in JSON."""

from partialpool.errors import StudyError

# Bytes that are enough to know.
LOOKED_AT = 400
# Characters that a message shows.
_SHOWN = 40


def refuse_page(source, content: bytes) -> None:
    """Raise StudyError if a file is a web page or JSON; by its first bytes, of which there may be more."""
    start = content[:LOOKED_AT].decode(errors="replace").lstrip("\ufeff \t\r\n")[:_SHOWN].strip()
    if start.startswith(("{", "[{")):
        raise StudyError(f"{source} is JSON: write it as CSV, with the names of the columns in the first line.")
    if start.startswith("<"):
        raise StudyError(
            f"{source} is not data but a web page: it starts with '{start}'.\n"
            "data.source must be the address of the file itself (on GitHub: the 'Raw' button). Where one must sign\n"
            "in, fetch the file by other means, and name its path."
        )
