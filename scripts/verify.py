"""Check an archive: its checksums, and its tables made again from its fits."""

from partialpool.jobs.job import job

if __name__ == "__main__":
    with job(snakemake.log[0]):
        import sys

        from partialpool.audit import verify

        params = snakemake.params
        verdicts = verify.verify(
            params.archive,
            snakefile=params.snakefile,
            rules=params.rules,
            cores=snakemake.threads,
            options=params.options,
        )
        print(*(f"{name}: {verdict}" for name, verdict in verdicts.items()), sep="\n")
        verify.refuse(params.archive, verdicts)
    print(verify.summary(params.archive, verdicts), file=sys.stderr)
