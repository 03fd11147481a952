"""Python runs this first in every job of the tests' run: a job leaves a list of the modules that it loaded."""

import atexit
import os
import sys


def leave_modules() -> None:
    # Snakemake runs a copy of a script, named something.fit_model.py; the report is made in a kernel.
    *_, name, _ = ["", *os.path.basename(sys.argv[0]).split(".")]
    folder = os.path.join(os.environ["LOADED_MODULES"], "render_report" if name == "ipykernel_launcher" else name)
    os.makedirs(folder, exist_ok=True)
    with open(os.path.join(folder, str(os.getpid())), "w") as file:
        print(*{name.partition(".")[0] for name in sys.modules}, sep="\n", file=file)


atexit.register(leave_modules)
