"""The cases in Python, each a process of its own: ``python cases.py CASE OUT.csv ARGUMENTS_AS_JSON``.

A case returns its own measurements, (case, measure, value); ``run.py`` measures time and memory of the process.
"""

import csv
import json
import re
import subprocess
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


def fits(specs: dict[str, dict], data: str, cores: int, folder: str) -> list:
    """Each fit in a process of its own, ``cores`` at a time, as the pipeline runs them."""
    from concurrent.futures import ThreadPoolExecutor

    def seconds(model: str) -> float:
        arguments = {"spec": specs[model], "data": data, "cores": 1, "output": f"{folder}/{model}.nc"}
        begin = perf_counter()
        command = [sys.executable, __file__, "fit", f"{folder}/{model}.csv", json.dumps(arguments)]
        subprocess.run(command, check=True)
        return perf_counter() - begin

    with ThreadPoolExecutor(cores) as pool:
        return [(model, "seconds", value) for model, value in zip(specs, pool.map(seconds, specs), strict=True)]


def sampling(model: str, spec: dict, data: str) -> list:
    """What a fit itself takes, all that it keeps included: the second one in a process has nothing to compile."""
    as_a_job()
    import pandas as pd
    from arviz_stats.base import array_stats
    from partialpool.fit.fit import fit
    from partialpool.model import parameters
    from partialpool.model.spec import ModelSpec

    made_from, prepared = ModelSpec.from_dict(spec), pd.read_parquet(data)
    fit(made_from, prepared)
    begin = process_time()
    tree = fit(made_from, prepared)
    measured = [("sampling, CPU s", process_time() - begin)]
    # Independent draws do not diverge.
    divergences = int(tree["sample_stats"]["diverging"].sum()) if "diverging" in tree["sample_stats"] else 0
    measured.append(("divergences", divergences))
    posterior = tree["posterior"].to_dataset()
    for parameter in parameters.of(posterior):
        if parameter.kind == "sd":
            ess = array_stats.ess(parameter.draws(posterior), method="bulk")
            measured.append((f"ESS {parameter.name}", float(ess)))
    return [(model, measure, value) for measure, value in measured]


def stanli(specs: dict[str, dict], programs: str, cores: int) -> list:
    """The programs and data that brms made, in stanli, which does not compile them."""
    import stanli

    measured = []
    for name, spec in specs.items():
        code, data = (Path(programs, f"{name}.{kind}") for kind in ("stan", "json"))
        begin = perf_counter()
        model = stanli.Model(stan_code=with_new_arrays(code.read_text()), data=str(data))
        read, cpu = perf_counter(), process_time()
        draws = model.sample(
            chains=spec["chains"],
            seed=spec["seed"],
            warmup=spec["warmup"],
            samples=spec["draws"],
            parallel_chains=cores,
            refresh=0,
        )
        end = perf_counter()
        measured += [(name, "seconds", end - begin), (name, "sampling, s", end - read)]
        measured += [(name, "sampling, CPU s", process_time() - cpu), (name, "divergences", draws.divergences.sum())]
        if "sd_1[2]" in draws:
            ess = draws.summary(["sd_1[2]"])["sd_1[2]"]["ess_bulk"]
            measured.append((name, "ESS sd(week)", ess))
    return measured


def with_new_arrays(program: str) -> str:
    """A Stan program with ``int J[N];`` of brms 2.18 as ``array[N] int J;``, which is all that Stan reads today."""
    old = r"(?m)^(\s*)((?:int|real|vector|matrix)\S*) (\w+)\[(\w+)\];"
    return re.sub(old, r"\1array[\4] \2 \3;", program)


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
    cases = {function.__name__: function for function in (simulate, fit, fits, sampling, stanli, bambi)}
    measurements = cases[case](**json.loads(arguments))
    with open(out, "w", newline="") as file:
        csv.writer(file).writerows([("case", "measure", "value"), *measurements])
