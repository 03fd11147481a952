"""Summarise every parameter of a fit and check its convergence."""

from partialpool.jobs.job import job

if __name__ == "__main__":
    with job(snakemake.log[0]):
        from partialpool.fit import diagnostics, store
        from partialpool.jobs.files import atomic
        from partialpool.model.spec import ModelSpec

        params, output = snakemake.params, snakemake.output
        groups = ("posterior", "sample_stats")
        tree = store.load(snakemake.input.fit, groups, spec=ModelSpec.from_dict(params.spec))
        summary = diagnostics.summarise(tree["posterior"].to_dataset())
        checks = diagnostics.check(summary, tree, params.thresholds)
        if params.on_failed_check == "stop":
            diagnostics.refuse_failed(snakemake.wildcards.model, checks)
        with atomic(output.summary) as temporary:
            summary.to_csv(temporary, index=False)
        with atomic(output.checks) as temporary:
            temporary.write_text(diagnostics.to_json(checks, tree))
