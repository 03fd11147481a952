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
        code=code("compare_reference"),
    message:
        "Hold the results against the reference"
    script:
        "../../scripts/compare_reference.py"


# Apart from the job that makes the table, because Snakemake deletes what a failed job has made. It has no output, so that
# it says its verdict each time.
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
        "Judge what changed"
    script:
        "../../scripts/regenerate.py"
