# Studies on made-up data; none of them is part of `all`. A job fits a batch of replicates, because to load the packages
# takes longer than a fit. Batches of the same replicates stay when there are to be more of them.
rule simulate_calibration:
    input:
        prepared=rules.prepare_data.output.prepared,
    output:
        ranks="results/calibration/batches/{model}/{batch}.parquet",
    log:
        "results/logs/simulate_calibration/{model}-{batch}.log",
    conda:
        "../../envs/models.yaml"
    resources:
        **usual,
    params:
        spec=lambda wildcards: study.spec(wildcards.model).to_dict(),
        pins=pins(),
        code=code("simulate_calibration"),
    message:
        "Calibrate {wildcards.model}: replicates {wildcards.batch}"
    script:
        "../../scripts/simulate_calibration.py"


rule judge_calibration:
    input:
        batches=batches_of(study.calibration, rules.simulate_calibration.output.ranks),
    output:
        ranks="results/calibration/ranks.parquet",
        table=report("results/calibration/calibration.csv", caption="../report/calibration.rst", category="Calibration"),
        figures=[
            drawn(
                f"calibration-{model}",
                caption="../report/calibration-figure.rst",
                category="Calibration",
                labels={"model": model},
            )
            for model in models_simulated(study.calibration)
        ],
    log:
        "results/logs/judge_calibration/calibration.log",
    conda:
        "../../envs/figures.yaml"
    resources:
        **usual,
    params:
        code=code("judge_calibration"),
    message:
        "Say which quantities are calibrated"
    script:
        "../../scripts/judge_calibration.py"


# Not in the job before, because Snakemake deletes the output of a job that fails, and one wants to look at it. Without an
# output, so that it runs each time.
rule calibrate:
    input:
        table=rules.judge_calibration.output.table,
        figures=rules.judge_calibration.output.figures,
    log:
        "results/logs/calibrate/calibrate.log",
    localrule: True
    conda:
        "../../envs/figures.yaml"
    resources:
        **usual,
    params:
        code=code("calibrate"),
    message:
        "Fail if a quantity is not calibrated"
    script:
        "../../scripts/calibrate.py"


rule simulate_recovery:
    input:
        prepared=rules.prepare_data.output.prepared,
        fit=rules.fit_model.output.fit,
    output:
        estimates="results/recovery/batches/{model}/{batch}.parquet",
    log:
        "results/logs/simulate_recovery/{model}-{batch}.log",
    conda:
        "../../envs/models.yaml"
    resources:
        **usual,
    params:
        spec=lambda wildcards: study.spec(wildcards.model).to_dict(),
        code=code("simulate_recovery"),
    message:
        "Recover {wildcards.model}: replicates {wildcards.batch}"
    script:
        "../../scripts/simulate_recovery.py"


rule recover:
    input:
        batches=batches_of(study.recovery, rules.simulate_recovery.output.estimates),
    output:
        table=report("results/recovery/recovery.csv", caption="../report/recovery.rst", category="Recovery"),
        figures=[
            drawn(
                f"recovery-{model}",
                caption="../report/recovery-figure.rst",
                category="Recovery",
                labels={"model": model},
            )
            for model in models_simulated(study.recovery)
        ],
    log:
        "results/logs/recover/recovery.log",
    conda:
        "../../envs/figures.yaml"
    resources:
        **usual,
    params:
        code=code("recover"),
    message:
        "Say how well parameters are found again"
    script:
        "../../scripts/recover.py"


rule simulate_design:
    input:
        prepared=rules.prepare_data.output.prepared,
        fits=fits(study.models_of_design),
    output:
        studies="results/design/batches/{batch}.parquet",
    log:
        "results/logs/simulate_design/{batch}.log",
    conda:
        "../../envs/models.yaml"
    resources:
        **usual,
    params:
        design=design_simulated(),
        specs=specs(study.models_of_design),
        columns=study.data.roles,
        derived=study.data.derive,
        pins=pins(),
        code=code("simulate_design"),
    message:
        "Simulate studies of every design: replicates {wildcards.batch}"
    script:
        "../../scripts/simulate_design.py"


rule summarise_design:
    input:
        batches=expand(rules.simulate_design.output.studies, batch=study.design.batches if study.design else []),
    output:
        table=report("results/design/design.csv", caption="../report/design.rst", category="Design"),
        goals=report("results/design/goals.csv", caption="../report/design-goals.rst", category="Design"),
        text="results/design/goals.txt",
        figure=drawn("design", caption="../report/design-figure.rst", category="Design"),
    log:
        "results/logs/summarise_design/design.log",
    conda:
        "../../envs/figures.yaml"
    resources:
        **usual,
    params:
        design=study.design.model_dump(include={"model", "rope", "goals"}) if study.design else None,
        titles={model: study.models[model].title for model in study.models_of_design},
        nouns=study.data.nouns.model_dump(),
        code=code("summarise_design"),
    message:
        "Say what each design is good for"
    script:
        "../../scripts/summarise_design.py"


rule design:
    input:
        **({"text": rules.summarise_design.output.text} if study.design else {}),
    log:
        "results/logs/design/design.log",
    localrule: True
    conda:
        "../../envs/data.yaml"
    resources:
        **usual,
    params:
        code=code("design"),
    message:
        "Say which designs reach their goals"
    script:
        "../../scripts/design.py"
