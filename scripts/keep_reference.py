"""Make the results the reference that later runs are compared with."""

from partialpool.jobs import job

if __name__ == "__main__":
    with job(snakemake.log[0]):
        from partialpool import reference

        source = snakemake.input
        made_from = reference.manifest(source.fits, lock=source.lock, **snakemake.params.made_from)
        reference.keep("reference", made_from, [*source.summaries, *source.comparisons])
