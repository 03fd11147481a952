"""Print how the results compare with the reference, and fail if a number changed."""

from partialpool.jobs.job import job

if __name__ == "__main__":
    with job(snakemake.log[0]):
        import sys
        from pathlib import Path

        from partialpool.audit import reference
        from partialpool.jobs.tables import read_table

        table, text = snakemake.input.table, Path(snakemake.input.text).read_text(encoding="utf-8")
        text = reference.judge(read_table(table), text, where=table)
        print(text)
    print(text, file=sys.stderr)
