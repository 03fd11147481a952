"""Join the batches of a recovery, sum them up, and draw them."""

from partialpool.jobs.job import job

if __name__ == "__main__":
    with job(snakemake.log[0]):
        import sys
        from itertools import batched

        from partialpool.figures import recovery as figures
        from partialpool.jobs.tables import write_table
        from partialpool.simulation import recovery, replicates

        output = snakemake.output
        table = recovery.table(replicates.join(snakemake.input.batches))
        write_table(table, output.table)
        for figure, files in zip(figures.of_models(table), batched(output.figures, 2), strict=True):
            figure.save(*files)
        text = recovery.told(table)
        print(text)
    print(text, file=sys.stderr)
