"""Execute the report's notebook and make a self-contained page of it."""

from partialpool.jobs.job import job

if __name__ == "__main__":
    with job(snakemake.log[0]):
        from pathlib import Path

        from partialpool.report import page

        page.render(
            snakemake.input.notebook,
            notebook=snakemake.output.notebook,
            html=snakemake.output.html,
            failed=Path(snakemake.log[0]).with_suffix(".failed.ipynb"),
            page=snakemake.input.page,
            parameters={"study": snakemake.params.study, "library": snakemake.scriptdir},
        )
