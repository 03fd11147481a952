"""Make the results the reference that later runs are compared with."""

from partialpool.jobs import job

if __name__ == "__main__":
    with job(snakemake.log[0]):
        from partialpool import reference

        source, params = snakemake.input, snakemake.params
        made_from = reference.manifest(
            dict(zip(params.specs, source.fits, strict=True)),
            params.specs,
            params.comparisons,
            lock=source.lock,
            code=params.made_by,
        )
        reference.keep("reference", made_from, [*source.summaries, *source.comparisons])
