"""Write tables and methods for a paper."""

from partialpool.jobs.job import job

if __name__ == "__main__":
    with job(snakemake.log[0]):
        from partialpool.report import for_paper
        from partialpool.study.study import Study

        source, params = snakemake.input, snakemake.params
        for_paper.write(
            Study.model_validate(params.study),
            files=list(zip(source.fits, source.summaries, source.variances, source.checks, strict=True)),
            comparisons=source.comparisons,
            snakemake=params.snakemake,
            folder="results",
        )
