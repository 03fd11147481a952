"""Describe every variable of the data."""

from partialpool.jobs.job import job

if __name__ == "__main__":
    with job(snakemake.log[0]):
        import pandas as pd
        from partialpool.data.describe import describe
        from partialpool.jobs.files import atomic

        with atomic(snakemake.output.summary) as temporary:
            describe(pd.read_parquet(snakemake.input.prepared)).to_csv(temporary, index=False)
