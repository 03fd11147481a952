"""Compare every printed number with ours."""

from partialpool.jobs.job import job

if __name__ == "__main__":
    with job(snakemake.log[0]):
        from partialpool.audit import published
        from partialpool.data import printed
        from partialpool.jobs.tables import write_table
        from partialpool.model.spec import ModelSpec

        source, params = snakemake.input, snakemake.params
        table = published.check_files(
            printed.read(params.published["folder"]),
            rename=params.published["rename"],
            fits=dict(zip(params.specs, source.fits, strict=True)),
            summaries=dict(zip(params.specs, source.summaries, strict=True)),
            specs={model: ModelSpec.from_dict(spec) for model, spec in params.specs.items()},
            data_summary=source.data_summary,
            predictions=source.predictions,
            comparisons=source.comparisons,
        )
        print(table["verdict"].value_counts().to_string())
        write_table(table, snakemake.output.table)
