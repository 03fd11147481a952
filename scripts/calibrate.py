"""Print which quantities are calibrated, and fail if one is not."""

from partialpool.jobs.job import job

if __name__ == "__main__":
    with job(snakemake.log[0]):
        import sys

        import pandas as pd
        from partialpool.simulation import verdicts

        table = pd.read_csv(snakemake.input.table)
        verdicts.judge(table)
        text = verdicts.told(table)
        print(text)
    print(text, file=sys.stderr)
