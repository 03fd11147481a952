"""Start a study from a data file: `uv run python scripts/new_study.py --help`."""

import sys

from partialpool.start.command import main

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
