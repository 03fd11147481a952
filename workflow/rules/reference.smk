def results_to_keep():
    """What a reference is made of, as inputs."""
    return {
        "fits": fits(study.models),
        "summaries": expand(rules.summarise_model.output.summary, model=study.models),
        "comparisons": expand(rules.compare_models.output.table, comparison=study.comparisons),
        "lock": str(LOCK),
    }


def made_from():
    """What the results were made from and the fits do not say, as parameters."""
    return {
        "specs": specs(study.models),
        "comparisons": {name: comparison.models for name, comparison in study.comparisons.items()},
        "made_by": {script: code(script) for script in ("fit_model", "summarise_model", "compare_models")},
    }


def reference_files(wildcards):
    """Files of the reference, which no rule makes: comparing must never make them anew."""
    return sorted(str(path) for path in Path("reference").rglob("*") if path.suffix in (".csv", ".json"))


rule keep_reference:
    input:
        **results_to_keep(),
    log:
        "results/logs/keep_reference/reference.log",
    benchmark:
        "results/benchmarks/keep_reference/reference.tsv"
    conda:
        "../../envs/models.yaml"
    params:
        **made_from(),
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
    benchmark:
        "results/benchmarks/compare_reference/regenerate.tsv"
    conda:
        "../../envs/models.yaml"
    params:
        **made_from(),
        code=code("compare_reference"),
    message:
        "Hold the results against the reference"
    script:
        "../../scripts/compare_reference.py"


# Apart from the rule that makes the table, because Snakemake deletes what a failed job has made.
rule regenerate:
    input:
        table=rules.compare_reference.output.table,
        text=rules.compare_reference.output.text,
    log:
        "results/logs/regenerate/regenerate.log",
    benchmark:
        "results/benchmarks/regenerate/regenerate.tsv"
    conda:
        "../../envs/data.yaml"
    params:
        code=code("regenerate"),
    message:
        "Judge what changed"
    script:
        "../../scripts/regenerate.py"
