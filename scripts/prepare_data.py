"""Check the raw data, give every column its type, number the rows, and describe every variable."""

from partialpool.jobs.job import job

if __name__ == "__main__":
    with job(snakemake.log[0]) as say:
        from partialpool.audit import suits
        from partialpool.data.describe import describe
        from partialpool.data.prepare import for_log, prepare
        from partialpool.jobs.files import checksum
        from partialpool.jobs.tables import write_table

        params = snakemake.params
        # From the config and not a parameter: where the file is from changes nothing in it.
        source = snakemake.config["data"].get("source")
        described = {"types": params.types, "derived": params.derived, "encoding": params.encoding}
        frame = prepare(snakemake.input.raw, source=source, **described, **params.columns)
        print(for_log(frame))
        for doubt in suits.check(snakemake.config, frame):
            say(doubt)
        # Parquet keeps it, and every fit names the data it was made from.
        frame.attrs["sha256"] = checksum(snakemake.input.raw)
        write_table(frame, snakemake.output.prepared)
        write_table(describe(frame), snakemake.output.summary)
