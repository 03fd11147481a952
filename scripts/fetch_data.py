"""Fetch the data file and verify its checksum, or draw data from known parameters."""

from partialpool.jobs.job import job

if __name__ == "__main__":
    with job(snakemake.log[0]):
        params = snakemake.params
        if params.simulate:
            from partialpool.data import simulate

            model = simulate.GrowthModel(**params.simulate)
            simulate.write(model, snakemake.output.raw, snakemake.output.truth, **params.columns)
        else:
            from partialpool.data.fetch import begun, fetch

            # From the config and not a parameter: a file with the right checksum is the same from wherever it comes.
            data = snakemake.config["data"]
            with begun(f"{snakemake.input.record}.begun"):
                sha256 = fetch(data["source"], snakemake.output.raw, sha256=data.get("sha256"), resources="resources")
            print(f"{snakemake.output.raw}: sha256 {sha256}")
            if not data.get("sha256"):
                print(f"To pin it, write into the config:\ndata:\n  sha256: {sha256}")
