"""Make the results the reference that later runs are compared with."""

from partialpool.jobs.job import job

if __name__ == "__main__":
    with job(snakemake.log[0]):
        from partialpool.audit import reference
        from partialpool.model.spec import ModelSpec

        source, params = snakemake.input, snakemake.params
        specs = {model: ModelSpec.from_dict(spec) for model, spec in params.specs.items()}
        made_from = reference.manifest(source.fits, specs, params.comparisons, lock=source.lock, code=params.made_by)
        reference.keep("reference", made_from, [*source.summaries, *source.comparisons])
