"""Print which designs reach their goals."""

from partialpool.jobs.job import job

if __name__ == "__main__":
    with job(snakemake.log[0]):
        import sys
        from pathlib import Path

        from partialpool.errors import StudyError

        if not snakemake.input.get("text"):
            raise StudyError("The config has no section 'design', which says what to simulate; see config/README.md.")
        text = Path(snakemake.input.text).read_text(encoding="utf-8")
        print(text)
    print(text, file=sys.stderr)
