"""Compare the results with the reference."""

from partialpool.jobs.job import job

if __name__ == "__main__":
    with job(snakemake.log[0]):
        from partialpool.audit import reference
        from partialpool.jobs.files import write_text
        from partialpool.jobs.tables import write_table
        from partialpool.model.spec import ModelSpec

        source, params = snakemake.input, snakemake.params
        specs = {model: ModelSpec.from_dict(spec) for model, spec in params.specs.items()}
        made_from = reference.manifest(source.fits, specs, params.comparisons, lock=source.lock, code=params.made_by)
        table, text = reference.compare("reference", made_from, [*source.summaries, *source.comparisons])
        write_table(table, snakemake.output.table)
        write_text(text, snakemake.output.text)
