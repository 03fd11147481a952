"""Fetch the data file and verify its checksum."""

from partialpool.jobs.job import job

if __name__ == "__main__":
    with job(snakemake.log[0]):
        from partialpool.data.fetch import fetch

        # From the config and not a parameter: a file with the right checksum is the same from wherever it comes.
        settings = snakemake.config["data"]
        sha256 = fetch(
            settings["source"],
            snakemake.output.raw,
            sha256=settings.get("sha256"),
            resources="resources",
        )
        print(f"{snakemake.output.raw}: sha256 {sha256}")
        if not settings.get("sha256"):
            print(f"To pin it, write into the config:\ndata:\n  sha256: {sha256}")
