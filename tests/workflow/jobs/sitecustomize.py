"""Python runs this first in every job of the tests' run: a job leaves a list of the modules that it loads."""

import os
import sys


def leave_modules() -> None:
    """Write the list as it grows: the report's kernel is killed at its end."""
    # Snakemake runs a copy of a script, named something.fit_model.py; the report is made in a kernel.
    *_, name, _ = ["", *os.path.basename(sys.argv[0]).split(".")]
    rule = "render_report" if "ipykernel_launcher" in sys.orig_argv else name
    folder = os.path.join(os.environ["LOADED_MODULES"], rule)
    os.makedirs(folder, exist_ok=True)
    # Open until the process ends.
    file = open(os.path.join(folder, str(os.getpid())), "w", buffering=1)  # noqa: SIM115
    written, count = set(), 0

    def add(*_) -> None:
        nonlocal count
        if len(sys.modules) != count:
            count, new = len(sys.modules), sys.modules.keys() - written
            written.update(new)
            print(*{name.partition(".")[0] for name in new}, file=file)

    sys.addaudithook(add)


leave_modules()
