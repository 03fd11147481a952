"""Fetch the data file and verify its checksum, or draw data from known parameters."""

from partialpool.jobs.job import job

if __name__ == "__main__":
    with job(snakemake.log[0]):
        from partialpool.data.fetch import begun, fetch

        params, raw = snakemake.params, snakemake.output.raw
        with begun(params.not_fetched):
            if params.simulate:
                from partialpool.data import simulate

                simulate.write(simulate.GrowthModel(**params.simulate), raw, snakemake.output.truth, **params.columns)
            else:
                # From the config and no parameter: a file with the right checksum is the same from wherever it comes.
                data = snakemake.config["data"]
                sha256 = fetch(data["source"], raw, sha256=data.get("sha256"), resources="resources")
                print(f"{raw}: sha256 {sha256}")
                if not data.get("sha256"):
                    print(f"To pin it, write into the config:\ndata:\n  sha256: {sha256}")
