"""Hold the results against the reference."""

from partialpool.jobs import job

if __name__ == "__main__":
    with job(snakemake.log[0]):
        from partialpool import reference
        from partialpool.files import atomic

        source = snakemake.input
        made_from = reference.manifest(source.fits, lock=source.lock, **snakemake.params.made_from)
        table, text = reference.compare("reference", made_from, [*source.summaries, *source.comparisons])
        with atomic(snakemake.output.table) as temporary:
            table.to_csv(temporary, index=False)
        with atomic(snakemake.output.text) as temporary:
            temporary.write_text(text, encoding="utf-8")
