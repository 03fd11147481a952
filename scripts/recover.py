"""Join the batches of a recovery, sum them up, and draw them."""

from partialpool.jobs.job import job

if __name__ == "__main__":
    with job(snakemake.log[0]):
        import sys

        from partialpool.figures import recovery as figures
        from partialpool.figures.theme import save_all
        from partialpool.jobs.tables import write_table
        from partialpool.simulation import recovery, replicates

        output = snakemake.output
        table = recovery.table(replicates.join(snakemake.input.batches))
        write_table(table, output.table)
        save_all(figures.of_models(table), output.figures)
        text = recovery.told(table)
        print(text)
    print(text, file=sys.stderr)
