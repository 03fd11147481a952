if study.data.simulate:

    rule simulate_data:
        output:
            raw="results/data/raw.csv",
            truth="results/data/truth.csv",
        log:
            "results/logs/simulate_data/raw.log",
        benchmark:
            "results/benchmarks/simulate_data/raw.tsv"
        localrule: True
        conda:
            "../../envs/data.yaml"
        threads: 1
        resources:
            mem_mb=memory,
            runtime=minutes,
        params:
            simulate=study.data.simulate.model_dump(),
            columns=study.data.roles,
            code=code("simulate_data"),
        message:
            "Draw the data from known parameters"
        script:
            "../../scripts/simulate_data.py"

else:

    rule download_data:
        input:
            source=watched_source(),
        output:
            raw="results/data/raw.csv",
        log:
            "results/logs/download_data/raw.log",
        benchmark:
            "results/benchmarks/download_data/raw.tsv"
        # Compute nodes have no network.
        localrule: True
        conda:
            "../../envs/data.yaml"
        threads: 1
        resources:
            mem_mb=memory,
            runtime=minutes,
        params:
            # With a checksum the data are the same wherever they come from.
            identity=study.data.sha256 or study.data.source,
            code=code("download_data"),
        message:
            "Fetch the data and verify the checksum"
        script:
            "../../scripts/download_data.py"


rule prepare_data:
    input:
        raw="results/data/raw.csv",
    output:
        prepared="results/data/prepared.parquet",
    log:
        "results/logs/prepare_data/prepared.log",
    benchmark:
        "results/benchmarks/prepare_data/prepared.tsv"
    localrule: True
    conda:
        "../../envs/data.yaml"
    threads: 1
    resources:
        mem_mb=memory,
        runtime=minutes,
    params:
        columns=study.data.roles,
        code=code("prepare_data"),
    message:
        "Check the data and give every column its type"
    script:
        "../../scripts/prepare_data.py"


rule describe_data:
    input:
        prepared=rules.prepare_data.output.prepared,
    output:
        summary=report("results/data/summary.csv", caption="../report/summary.rst", category="Data"),
    log:
        "results/logs/describe_data/summary.log",
    benchmark:
        "results/benchmarks/describe_data/summary.tsv"
    localrule: True
    conda:
        "../../envs/data.yaml"
    threads: 1
    resources:
        mem_mb=memory,
        runtime=minutes,
    params:
        code=code("describe_data"),
    message:
        "Describe every variable"
    script:
        "../../scripts/describe_data.py"
