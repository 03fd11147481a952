rule archive:
    input:
        results=[
            "results/data/raw.csv",
            *(["results/data/truth.csv"] if study.data.simulate else []),
            *rules.prepare_data.output,
            *(file for file in rules.render_report.input if file.startswith("results/")),
            rules.render_report.output.html,
        ],
        published=rules.check_published.input.printed if study.published else [],
        project=[str(Path(workflow.basedir, file)) for file in project_files()],
    output:
        archive="results/archive.zip",
    log:
        "results/logs/archive/archive.log",
    benchmark:
        "results/benchmarks/archive/archive.tsv"
    localrule: True
    conda:
        "../../envs/archive.yaml"
    threads: 1
    resources:
        mem_mb=memory,
        runtime=minutes,
    params:
        study=study.model_dump(mode="json", exclude_none=True),
        files=project_files(),
        code=code("archive"),
    message:
        "Archive the results: {output.archive}"
    script:
        "../../scripts/archive.py"


if archive_to_verify() in sys.argv and "verify" in sys.argv:

    # To Snakemake it is one more target: a name then, with nothing to do, and no file to make.
    rule:
        name:
            archive_to_verify()


# It runs Snakemake, and so it has no environment of its own, but that of Snakemake. It has no output either, not even a
# benchmark: with one, Snakemake would take the next archive for verified.
rule verify:
    log:
        "results/logs/verify/verify.log",
    localrule: True
    threads: lambda wildcards: workflow.cores
    resources:
        mem_mb=memory,
        runtime=minutes,
    params:
        archive=archive_to_verify(),
        snakefile=workflow.main_snakefile,
        # Those that make tables from data and fits.
        rules=[
            *("prepare_data", "describe_data", "summarise_model"),
            *("compare_models", "predict_values", "check_published"),
        ],
        options=lambda wildcards: software_options(),
        code=code("verify"),
    message:
        "Check {params.archive}: checksums, and tables made again from the fits"
    script:
        "../../scripts/verify.py"
