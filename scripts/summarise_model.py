"""Summarise every parameter of a fit and its variance, and check its convergence."""

from partialpool.jobs.job import job

if __name__ == "__main__":
    with job(snakemake.log[0]):
        import pandas as pd
        from partialpool.fit import diagnostics, store
        from partialpool.jobs.files import atomic
        from partialpool.jobs.tables import write_table
        from partialpool.model.spec import ModelSpec
        from partialpool.predict import variance

        source, output, params = snakemake.input, snakemake.output, snakemake.params
        prepared = pd.read_parquet(source.prepared)
        tree = store.load(source.fit, diagnostics.GROUPS, spec=ModelSpec.from_dict(params.spec))
        summary, checks = diagnostics.of_fit(tree, snakemake.wildcards.model, **params.checks)
        sizes = variance.of_fit(tree, store.spec_of(tree), prepared, at=params.at)
        write_table(summary, output.summary)
        write_table(sizes, output.variance)
        with atomic(output.checks) as temporary:
            temporary.write_text(diagnostics.to_json(checks, tree), encoding="utf-8")
