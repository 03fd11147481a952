"""Print which quantities are calibrated, and fail if one is not."""

from partialpool.jobs.job import job

if __name__ == "__main__":
    with job(snakemake.log[0]):
        import sys

        from partialpool.jobs.tables import read_table
        from partialpool.simulation import verdicts

        table = read_table(snakemake.input.table)
        verdicts.judge(table)
        text = verdicts.told(table)
        print(text)
    print(text, file=sys.stderr)
