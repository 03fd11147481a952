"""What is measured of Python, each case a process of its own: ``python cases.py CASE OUT.csv ARGUMENTS_AS_JSON``.

A case returns its own measurements, (case, measure, value); time and memory of the process are for ``run.py`` to take.
"""

import csv
import json
import sys
from pathlib import Path
from time import perf_counter, process_time

sys.path.insert(0, str(Path(__file__).parents[1] / "scripts"))


def simulate(people: int, rows_each: int, parquet: str, doubles: str) -> list:
    """Draw people with an intercept and a slope of their own, at irregular times; for Python and, as doubles, for R."""
    import numpy as np
    import pandas as pd

    rng = np.random.default_rng(people + rows_each)
    effects = rng.multivariate_normal([1, 0.5], [[1, 0.15], [0.15, 0.25]], people)
    person = np.repeat(np.arange(people), rows_each)
    week = rng.standard_normal(person.size)
    y = effects[person, 0] + effects[person, 1] * week + rng.standard_normal(person.size)
    frame = pd.DataFrame({"id": person, "week": week, "y": y, "row": np.arange(person.size)})
    frame.attrs["sha256"] = "simulated"
    frame.to_parquet(parquet)
    np.concatenate([person.astype(float), week, y]).tofile(doubles)
    return []


def as_a_job() -> None:
    """One thread for BLAS, as in the pipeline's jobs; before NumPy is imported."""
    import partialpool.jobs  # noqa: F401


def fit(spec: dict, data: str, cores: int, output: str) -> list:
    """From prepared data to the NetCDF file, as the rule ``fit_model`` does it."""
    as_a_job()
    import pandas as pd
    from partialpool.fit import store
    from partialpool.fit.fit import fit

    prepared = pd.read_parquet(data)
    store.save(fit(spec, prepared, cores=cores), output, spec=spec, data_sha256=prepared.attrs["sha256"])
    return []


def engine(spec: dict, data: str, cores: int) -> list:
    """Sampling of the scales alone: all is imported and compiled before."""
    as_a_job()
    import arviz
    import nutpie  # noqa: F401  so that it is not imported while the clock runs
    import pandas as pd
    import pytensor
    from partialpool.fit.fit import settled
    from partialpool.marginal.design import design
    from partialpool.marginal.sample import sample_scales
    from partialpool.marginal.scales import Density
    from partialpool.marginal.statistics import statistics
    from partialpool.model.formula import complete_cases

    spec = settled(spec, "collapsed")
    with pytensor.config.change_flags(numba__fastmath=False):
        matrices = design(spec, complete_cases(spec, pd.read_parquet(data)))
        density = Density(matrices, statistics(matrices))
        density.gradient([0.0] * density.dimensions)
        begin, cpu_begin = perf_counter(), process_time()
        # To find where the chains start belongs to sampling; to compile, between the two, does not.
        _ = density.frame
        seconds, cpu = perf_counter() - begin, process_time() - cpu_begin
        _ = density.record
        begin, cpu_begin = perf_counter(), process_time()
        scales, stats = sample_scales(density, spec, cores=cores, progress=False)
        seconds, cpu = seconds + perf_counter() - begin, cpu + process_time() - cpu_begin
    found = [("sampling, s", seconds), ("sampling, CPU s", cpu), ("divergences", int(stats["diverging"].sum()))]
    for name, draws in scales.items():
        if name.endswith("_sigma"):
            coefficient = "Intercept" if name.startswith("1|") else name.partition("|")[0]
            found.append((f"ESS sd({coefficient})", float(arviz.ess(draws, method="bulk"))))
    return [("sampling", measure, value) for measure, value in found]


def bambi(specs: dict[str, dict], data: str, cores: int) -> list:
    """Bambi as it comes, its own priors and sampler, with the study's formulas and numbers of draws; LOO by ArviZ."""
    import arviz
    import bambi
    import pandas as pd
    from partialpool.model.formula import complete_cases

    prepared, fits, found = pd.read_parquet(data), {}, []
    for name, spec in specs.items():
        rows = complete_cases(spec, prepared)
        start = perf_counter()
        settings = {"draws": spec.draws, "tune": spec.warmup, "chains": spec.chains, "cores": cores}
        settings |= {"random_seed": spec.seed, "progressbar": False, "idata_kwargs": {"log_likelihood": True}}
        fits[name] = bambi.Model(spec.formula, rows).fit(**settings)
        found.append((name, "seconds", perf_counter() - start))
        found.append((name, "divergences", int(fits[name]["sample_stats"]["diverging"].sum())))
    start = perf_counter()
    for tree in fits.values():
        arviz.loo(tree)
    return [*found, ("LOO", "seconds", perf_counter() - start)]


if __name__ == "__main__":
    case, out, arguments = sys.argv[1:]
    # Where memory ends, the system shall end this process and no other.
    if (score := Path("/proc/self/oom_score_adj")).exists():
        score.write_text("1000")
    measurements = {f.__name__: f for f in (simulate, fit, engine, bambi)}[case](**json.loads(arguments))
    with open(out, "w", newline="") as file:
        csv.writer(file).writerows([("case", "measure", "value"), *measurements])
