"""What packages ask of the user: a home folder that can be written, and a name."""

import getpass
import os
from pathlib import Path


def ensure_writable(instead: str | Path) -> bool:
    """Let a folder stand in for a home folder that cannot be written or is none, in this process and those it starts.

    PyTensor, Matplotlib and IPython keep files below ``HOME``, and some of them stop where they cannot.

    Parameters
    ----------
    instead
        The folder that is taken then; it is made.

    Returns
    -------
    bool
        Whether it was needed.
    """
    home = os.path.expanduser("~")
    if os.path.isdir(home) and os.access(home, os.W_OK):
        return False
    folder = Path(instead).resolve()
    folder.mkdir(parents=True, exist_ok=True)
    os.environ["HOME"] = str(folder)
    return True


def ensure_name() -> None:
    """Let the number of a user stand in for a name, where the system knows none, as in a container of another's.

    Snakemake writes the name of the user into its log, and stops where there is none.
    """
    try:
        getpass.getuser()
    except OSError:
        os.environ["LOGNAME"] = str(os.getuid())
