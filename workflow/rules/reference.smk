rule keep_reference:
    input:
        **results_to_keep(),
    log:
        "results/logs/keep_reference/reference.log",
    localrule: True
    conda:
        "../../envs/models.yaml"
    resources:
        **usual,
    params:
        specs=specs(study.models),
        comparisons={name: comparison.models for name, comparison in study.comparisons.items()},
        made_by=made_by(),
        code=code("keep_reference"),
    message:
        "Keep the results as the reference: reference/"
    script:
        "../../scripts/keep_reference.py"


rule compare_reference:
    input:
        **results_to_keep(),
        reference=reference_files,
    output:
        table="results/regenerate.csv",
        text="results/regenerate.txt",
    log:
        "results/logs/compare_reference/regenerate.log",
    localrule: True
    conda:
        "../../envs/models.yaml"
    resources:
        **usual,
    params:
        specs=specs(study.models),
        comparisons={name: comparison.models for name, comparison in study.comparisons.items()},
        made_by=made_by(),
        reference=lambda wildcards: checksums(reference_files(wildcards)),
        code=code("compare_reference"),
    message:
        "Compare the results with the reference"
    script:
        "../../scripts/compare_reference.py"


# Not in the job that makes the table, because Snakemake deletes the output of a job that fails. Without an output, so that
# it runs each time.
rule regenerate:
    input:
        table=rules.compare_reference.output.table,
        text=rules.compare_reference.output.text,
    log:
        "results/logs/regenerate/regenerate.log",
    localrule: True
    conda:
        "../../envs/data.yaml"
    resources:
        **usual,
    params:
        code=code("regenerate"),
    message:
        "Say what changed since the reference, and fail if a number did"
    script:
        "../../scripts/regenerate.py"
