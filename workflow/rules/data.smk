rule fetch_data:
    input:
        record=record(),
    output:
        **({"truth": "results/data/truth.csv"} if study.data.simulate else {}),
        # Those that are there are not deleted before the job: if they cannot be fetched again, they are kept.
        raw=update(study.data.raw) if Path(study.data.raw).exists() else study.data.raw,
    log:
        "results/logs/fetch_data/raw.log",
    # Compute nodes have no network.
    localrule: True
    conda:
        "../../envs/data.yaml"
    resources:
        **usual,
    params:
        # With a checksum the data are the same wherever they come from.
        identity=data_checksum() or study.data.source,
        simulate=study.data.simulate.model_dump() if study.data.simulate else None,
        columns=study.data.roles if study.data.simulate else None,
        not_fetched=str(NOT_FETCHED),
        code=code("fetch_data"),
    message:
        "Draw the data from known parameters" if study.data.simulate else "Fetch the data and verify the checksum"
    script:
        "../../scripts/fetch_data.py"


rule prepare_data:
    input:
        raw=rules.fetch_data.output.raw,
    output:
        prepared="results/data/prepared.parquet",
        summary=report("results/data/summary.csv", caption="../report/summary.rst", category="Data"),
    log:
        "results/logs/prepare_data/prepared.log",
    localrule: True
    conda:
        "../../envs/data.yaml"
    resources:
        **usual,
    params:
        columns=study.data.roles,
        types=study.data.types,
        derived=study.data.derive,
        encoding=study.data.encoding,
        code=code("prepare_data"),
    message:
        "Check the data, give every column its type, and describe it"
    script:
        "../../scripts/prepare_data.py"
