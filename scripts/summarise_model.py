"""Summarise every parameter of a fit, and hold the fit to the convergence checks."""

from partialpool.jobs.job import job

if __name__ == "__main__":
    with job(snakemake.log[0]):
        import json

        from partialpool.fit import diagnostics, store
        from partialpool.jobs.files import atomic
        from partialpool.model.spec import ModelSpec

        params = snakemake.params
        tree = store.load(
            snakemake.input.fit, ("posterior", "sample_stats"), spec=ModelSpec.from_dict(snakemake.params.spec)
        )
        summary = diagnostics.summarise(tree["posterior"].to_dataset())
        checks = diagnostics.check(summary, tree["sample_stats"].to_dataset(), params.thresholds)
        if params.on_failed_check == "stop":
            diagnostics.refuse_failed(snakemake.wildcards.model, checks)
        with atomic(snakemake.output.summary) as temporary:
            summary.to_csv(temporary, index=False)
        with atomic(snakemake.output.diagnostics) as temporary:
            temporary.write_text(json.dumps(checks, indent=2) + "\n")
