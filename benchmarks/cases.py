"""The cases in Python, each a process of its own: ``python cases.py CASE OUT.csv ARGUMENTS_AS_JSON``.

A case returns its own measurements, (case, measure, value); ``run.py`` measures time and memory of the process.
"""

import csv
import json
import sys
from pathlib import Path
from time import perf_counter, process_time

sys.path.insert(0, str(Path(__file__).parents[1] / "scripts"))


def simulate(units: int, rows_each: int, parquet: str, doubles: str) -> list:
    """Draw units with an intercept and a slope of their own, at irregular times; for Python and, as doubles, for R."""
    import numpy as np
    import pandas as pd

    rng = np.random.default_rng(units + rows_each)
    effects = rng.multivariate_normal([1, 0.5], [[1, 0.15], [0.15, 0.25]], units)
    unit = np.repeat(np.arange(units), rows_each)
    week = rng.standard_normal(unit.size)
    y = effects[unit, 0] + effects[unit, 1] * week + rng.standard_normal(unit.size)
    frame = pd.DataFrame({"id": unit, "week": week, "y": y, "row": np.arange(unit.size)})
    frame.attrs["sha256"] = "simulated"
    frame.to_parquet(parquet)
    np.concatenate([unit.astype(float), week, y]).tofile(doubles)
    return []


def as_a_job() -> None:
    """One thread for BLAS, as in the pipeline's jobs; before NumPy is imported."""
    import partialpool.jobs.threads  # noqa: F401


def fit(spec: dict, data: str, cores: int, output: str) -> list:
    """From prepared data to the NetCDF file, as the rule ``fit_model`` does it."""
    as_a_job()
    import pandas as pd
    from partialpool.fit import store
    from partialpool.fit.fit import fit
    from partialpool.model.spec import ModelSpec

    prepared, made_from = pd.read_parquet(data), ModelSpec.from_dict(spec)
    store.save(fit(made_from, prepared, cores=cores), output, spec=made_from, data_sha256=prepared.attrs["sha256"])
    return []


def engine(spec: dict, data: str, cores: int) -> list:
    """Sampling of the scales alone: everything is imported and compiled before the clock runs."""
    as_a_job()
    import nutpie  # noqa: F401  or it would be imported while the clock runs
    import pandas as pd
    from arviz_stats.base import array_stats
    from partialpool.fit.fit import settled
    from partialpool.marginal.design import design
    from partialpool.marginal.sample import sample_scales
    from partialpool.marginal.scales import Density
    from partialpool.marginal.statistics import statistics
    from partialpool.model.formula import complete_cases
    from partialpool.model.spec import ModelSpec

    made_from = settled(ModelSpec.from_dict(spec), "marginal")
    matrices = design(made_from, complete_cases(made_from, pd.read_parquet(data)))
    density = Density(matrices, statistics(matrices))
    # Reading or compiling the compiled functions does not count: another density needs the same.
    Density(matrices, statistics(matrices)).native.for_nutpie()
    begin, cpu_begin = perf_counter(), process_time()
    # The search for where the chains start counts as sampling.
    x, stats = sample_scales(density, made_from, cores=cores)
    seconds, cpu = perf_counter() - begin, process_time() - cpu_begin
    measured = [("sampling, s", seconds), ("sampling, CPU s", cpu), ("divergences", int(stats["diverging"].sum()))]
    sds = density.scales(x.reshape(-1, density.dimensions)).sd.T.reshape(-1, *x.shape[:2])
    names = [name for term in matrices.terms for name in term.coefficients]
    for name, draws in zip(names, sds, strict=True):
        measured.append((f"ESS sd({name})", float(array_stats.ess(draws, method="bulk"))))
    return [("sampling", measure, value) for measure, value in measured]


def bambi(specs: dict[str, dict], data: str, cores: int) -> list:
    """Bambi with its own priors and sampler, and the study's formulas and numbers of draws; LOO by ArviZ."""
    import arviz
    import bambi
    import pandas as pd
    from partialpool.model.formula import complete_cases
    from partialpool.model.spec import ModelSpec

    prepared, fits, measured = pd.read_parquet(data), {}, []
    for name, values in specs.items():
        spec = ModelSpec.from_dict(values)
        rows = complete_cases(spec, prepared)
        start = perf_counter()
        settings = {"draws": spec.draws, "tune": spec.warmup, "chains": spec.chains, "cores": cores}
        settings |= {"random_seed": spec.seed, "progressbar": False, "idata_kwargs": {"log_likelihood": True}}
        fits[name] = bambi.Model(spec.formula, rows).fit(**settings)
        measured.append((name, "seconds", perf_counter() - start))
        measured.append((name, "divergences", int(fits[name]["sample_stats"]["diverging"].sum())))
    start = perf_counter()
    for tree in fits.values():
        arviz.loo(tree)
    return [*measured, ("LOO", "seconds", perf_counter() - start)]


if __name__ == "__main__":
    case, out, arguments = sys.argv[1:]
    # If memory runs out, the system is to kill this process and no other.
    if (score := Path("/proc/self/oom_score_adj")).exists():
        score.write_text("1000")
    measurements = {f.__name__: f for f in (simulate, fit, engine, bambi)}[case](**json.loads(arguments))
    with open(out, "w", newline="") as file:
        csv.writer(file).writerows([("case", "measure", "value"), *measurements])
