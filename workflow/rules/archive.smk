rule archive:
    input:
        results=[
            *rules.fetch_data.output,
            *rules.prepare_data.output,
            *(file for file in rules.render_report.input if file.startswith("results/")),
            rules.render_report.output.html,
            rules.render_report.output.guidelines,
        ],
        published=rules.check_published.input.printed if study.published else [],
        project=[str(Path(workflow.basedir, file)) for file in project_files()],
    output:
        archive="results/archive.zip",
    log:
        "results/logs/archive/archive.log",
    localrule: True
    conda:
        "../../envs/archive.yaml"
    resources:
        **usual,
    params:
        study=study.model_dump(mode="json", exclude_none=True),
        files=project_files(),
        code=code("archive"),
    message:
        "Archive the results: {output.archive}"
    script:
        "../../scripts/archive.py"


# It runs Snakemake, and so its environment is that of Snakemake. It has no output, because with one Snakemake would believe
# that another archive is verified too.
rule verify:
    log:
        "results/logs/verify/verify.log",
    localrule: True
    threads: lambda wildcards: workflow.cores
    resources:
        **usual,
    params:
        archive=archive_to_verify,
        snakefile=str(Path(workflow.basedir, "Snakefile")),
        # Those that make tables from data and fits.
        rules=[
            *("prepare_data", "summarise_models", "check_models", "compare_models", "compute_bayes_factors"),
            *("predict_values", "check_published", "write_paper"),
        ],
        options=lambda wildcards: inside.software_options(workflow),
        code=code("verify"),
    message:
        "Check {params.archive}: checksums, and tables made again from its fits"
    script:
        "../../scripts/verify.py"
