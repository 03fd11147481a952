"""Describe every variable of the data."""

from partialpool.jobs import job

if __name__ == "__main__":
    with job(snakemake.log[0]):
        import pandas as pd
        from partialpool import data
        from partialpool.files import atomic

        with atomic(snakemake.output.summary) as temporary:
            data.describe(pd.read_parquet(snakemake.input.prepared)).to_csv(temporary, index=False)
