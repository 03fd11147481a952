"""Join the batches of a calibration, say which quantities are calibrated, and draw the ranks."""

from partialpool.jobs.job import job

if __name__ == "__main__":
    with job(snakemake.log[0]):
        from partialpool.figures import calibration
        from partialpool.figures.theme import save_all
        from partialpool.jobs.tables import write_table
        from partialpool.simulation import replicates, verdicts

        output = snakemake.output
        ranks = replicates.join(snakemake.input.batches)
        table = verdicts.table(ranks)
        print(verdicts.told(table))
        write_table(ranks, output.ranks)
        write_table(table, output.table)
        save_all(calibration.of_models(ranks, table), output.figures)
