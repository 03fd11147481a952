"""Check the raw data, give every column its type, number the rows, and describe every variable."""

from partialpool.jobs.job import job

if __name__ == "__main__":
    with job(snakemake.log[0]):
        from partialpool.data.describe import describe
        from partialpool.data.prepare import for_log, prepare
        from partialpool.jobs.files import atomic, checksum

        params = snakemake.params
        frame = prepare(snakemake.input.raw, **params.columns, types=params.types, derived=params.derived)
        print(for_log(frame))
        # Parquet keeps it, and every fit names the data it was made from.
        frame.attrs["sha256"] = checksum(snakemake.input.raw)
        with atomic(snakemake.output.prepared) as temporary:
            frame.to_parquet(temporary)
        with atomic(snakemake.output.summary) as temporary:
            describe(frame).to_csv(temporary, index=False)
