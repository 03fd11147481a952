"""Start a study: from a data file and the roles of its columns to a folder that runs."""
