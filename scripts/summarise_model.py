"""Summarise every parameter of a fit and its variance, and check its convergence."""

from partialpool.jobs.job import job

if __name__ == "__main__":
    with job(snakemake.log[0]):
        import pandas as pd
        from partialpool.fit import diagnostics, store
        from partialpool.jobs.files import atomic
        from partialpool.model.spec import ModelSpec
        from partialpool.predict import variance

        source, output, params = snakemake.input, snakemake.output, snakemake.params
        prepared = pd.read_parquet(source.prepared)
        tree = store.load(source.fit, diagnostics.GROUPS, spec=ModelSpec.from_dict(params.spec))
        summary, checks = diagnostics.of_fit(tree, snakemake.wildcards.model, **params.checks)
        sizes = variance.of_fit(tree, store.spec_of(tree), prepared, at=params.at)
        texts = summary.to_csv(index=False), sizes.to_csv(index=False), diagnostics.to_json(checks, tree)
        for path, text in zip((output.summary, output.variance, output.checks), texts, strict=True):
            with atomic(path) as temporary:
                temporary.write_text(text, encoding="utf-8")
