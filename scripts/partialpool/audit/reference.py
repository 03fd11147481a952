"""The numbers of a release, kept as text, and those of another run beside them: the same, within error, or changed.

A reference is a folder with copies of the summaries of all models (``models/*.summary.csv``) and of the tables of all
comparisons (``comparison/*.csv``), and with ``manifest.json``, which says what they were made from. R-hat and effective
sample sizes are in it but not compared: they describe a single run, and the convergence checks judge them.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pandas as pd

from partialpool.errors import StudyError
from partialpool.jobs.files import atomic, checksum, write_text
from partialpool.jobs.tables import read_table
from partialpool.loo.pointwise import BATCHES
from partialpool.model.spec import ModelSpec

COLUMNS = ["file", "model", "parameter", "quantity", "reference", "ours", "mcse", "tolerance", "verdict"]
KEYS = COLUMNS[:4]
SAME, WITHIN, CHANGED = "same", "within Monte Carlo error", "changed"
SUMMARY = ("mean", "sd", "q2.5", "q97.5")
COMPARISON = ("elpd_loo", "se_elpd_loo", "p_loo", "se_p_loo", "elpd_diff", "se_diff")
# Probability that a run which differs in its seed only has any number `changed`.
FALSE_ALARM = 0.001
# Entries of a spec that say which posterior is meant; the others say how it is drawn from.
POSTERIOR = ("formula", "family", "link", "priors", "unit", "complete")
# What plain PSIS is called where a model has something better.
PLAIN = "plain PSIS"


def manifest(
    fits: list[str],
    specs: dict[str, ModelSpec],
    comparisons: dict[str, list[str]],
    *,
    lock: str | Path,
    code: dict[str, str],
) -> dict:
    """What the results were made from.

    Parameters
    ----------
    fits
        Paths of the fits.
    specs
        Specs that they must have been made from, by name of model and in their order.
    comparisons
        Models of each comparison.
    lock
        Path of the file with the pinned packages.
    code
        Fingerprints of the scripts by name.

    Returns
    -------
    dict
        ``data_sha256``, ``models`` (the specs, with automatic priors), ``comparisons``, ``code``, ``versions``,
        ``lock`` (its checksum) and ``platform``, for JSON; the platform names the processor that code is compiled for.
    """
    from partialpool.fit import store

    made = [store.load(path, (), spec=spec) for path, spec in zip(fits, specs.values(), strict=True)]
    versions = [json.loads(tree.attrs["versions"]) for tree in made]
    return {
        "data_sha256": _all(tree.attrs["data_sha256"] for tree in made),
        "models": {name: store.spec_of(tree).to_dict() for name, tree in zip(specs, made, strict=True)},
        "comparisons": comparisons,
        "code": code,
        "versions": {name: _all(each[name] for each in versions) for name in versions[0]},
        "lock": checksum(lock),
        "platform": _platform(),
    }


def _all(values: Iterator[str]) -> str:
    """The value, or all of them where fits differ."""
    return ", ".join(sorted(set(values)))


def _platform() -> str:
    import platform

    from llvmlite.binding import get_host_cpu_name

    libc = " ".join(platform.libc_ver()).strip()
    return ", ".join(filter(None, [f"{platform.system()} {platform.machine()}", libc, get_host_cpu_name()]))


def keep(folder: str | Path, made_from: dict, tables: list[str]) -> None:
    """Make these results the reference.

    Parameters
    ----------
    folder
        The reference; the tables that are in it are removed.
    made_from
        From ``manifest``.
    tables
        Paths of summaries and of tables of comparisons.
    """
    folder = Path(folder)
    for old in [*folder.glob("models/*.csv"), *folder.glob("comparison/*.csv")]:
        old.unlink()
    for path in tables:
        with atomic(folder / _name(path)) as temporary:
            temporary.write_bytes(Path(path).read_bytes())
    write_text(json.dumps(made_from, indent=2) + "\n", folder / "manifest.json")


def read(folder: str | Path) -> tuple[dict, list[Path]]:
    """Manifest of a reference, and paths of its tables.

    Raises
    ------
    StudyError
        If there is none, or a part of it is missing or damaged.
    """
    folder = Path(folder)
    again = "Make it of results that are as they should be, and commit it: snakemake --cores 4 keep_reference"
    try:
        made_from = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
        tables = [folder / f"models/{model}.summary.csv" for model in made_from["models"]]
        tables += [folder / f"comparison/{comparison}.csv" for comparison in made_from["comparisons"]]
    except FileNotFoundError:
        raise StudyError(f"There is no reference to compare with: no '{folder}/manifest.json'. {again}") from None
    except (json.JSONDecodeError, KeyError, TypeError) as error:
        raise StudyError(f"'{folder}/manifest.json' is damaged: {error}. {again}") from None
    if missing := [str(path) for path in tables if not path.is_file()]:
        raise StudyError(f"The reference is not whole: it lacks {', '.join(missing)}. {again}")
    return made_from, tables


@dataclass
class Differences:
    """What is different in what two sets of results were made from, in words, each with the models concerned.

    Attributes
    ----------
    posterior
        Data, formulas, priors and the like: other numbers are expected.
    rest
        Seeds, sampler, versions, code, platform: the numbers should agree within Monte Carlo error.
    """

    posterior: dict[str, list[str]] = field(default_factory=dict)
    rest: dict[str, list[str]] = field(default_factory=dict)

    def lines(self, kind: str) -> list[str]:
        """One line each, indented."""
        return [
            f"  {', '.join(models)}: {what}" if models else f"  {what}" for what, models in getattr(self, kind).items()
        ]


def differences(old: dict, new: dict) -> Differences:
    """What is not the same in two manifests."""
    changes = Differences()
    if old["data_sha256"] != new["data_sha256"]:
        what = f"data: sha256 {_arrow(old['data_sha256'][:12], new['data_sha256'][:12])}"
        changes.posterior[what] = list(new["models"])
    for model in dict.fromkeys([*old["models"], *new["models"]]):
        before, after = (_flat(manifest["models"].get(model, {})) for manifest in (old, new))
        if not before or not after:
            changes.posterior.setdefault("not in the reference" if after else "only in the reference", []).append(model)
            continue
        for (entry, what), one, other in _unequal(before, after):
            kind = changes.posterior if entry in POSTERIOR else changes.rest
            kind.setdefault(f"{what}: {_arrow(one, other)}", []).append(model)
    for comparison, one, other in _unequal(old["comparisons"], new["comparisons"]):
        changes.rest[f"models of the comparison {comparison}: {_arrow(_some(one), _some(other))}"] = []
    for name, one, other in _unequal(old["versions"], new["versions"]):
        changes.rest[f"version of {name}: {_arrow(one, other)}"] = []
    if old["lock"] != new["lock"]:
        changes.rest["requirements.lock: other pins"] = []
    if code := [script for script, _, _ in _unequal(old["code"], new["code"])]:
        changes.rest[f"code of {', '.join(code)}"] = []
    if old["platform"] != new["platform"]:
        changes.rest[f"platform: {_arrow(old['platform'], new['platform'])}"] = []
    return changes


def _flat(spec: dict) -> dict[tuple[str, str], object]:
    """A spec with an entry for each prior: names of the entry and of what is in it."""
    flat = {(key, key): value for key, value in spec.items() if key != "priors"}
    return flat | {("priors", f"prior of {name}"): prior for name, prior in spec.get("priors", {}).items()}


def _unequal(old: dict, new: dict) -> Iterator[tuple]:
    for key in dict.fromkeys([*old, *new]):
        if old.get(key) != new.get(key):
            yield key, old.get(key), new.get(key)


def _arrow(old, new) -> str:
    return " -> ".join("none" if value is None else str(value) for value in (old, new))


def _some(names: list[str] | None) -> str | None:
    return names and ", ".join(names)


def compare(folder: str | Path, made_from: dict, tables: list[str]) -> tuple[pd.DataFrame, str]:
    """Hold results against a reference.

    Parameters
    ----------
    folder
        The reference.
    made_from
        Manifest of the results.
    tables
        Paths of their summaries and tables of comparisons.

    Returns
    -------
    table : DataFrame
        ``file,model,parameter,quantity,reference,ours,mcse,tolerance,verdict``. ``mcse`` combines both runs; the
        verdict is ``same`` (bit for bit), ``within Monte Carlo error`` or ``changed``. All numbers of a model that
        was made from something else are ``changed``, whatever they are.
    text : str
        Counts, and what else is not the same, for the terminal.

    Raises
    ------
    StudyError
        See ``read``.

    Notes
    -----
    ``tolerance`` is a multiple of the combined Monte Carlo error. The multiple is such that of a thousand runs with
    other seeds one has any number outside: the quantile of Student's distribution at 0.001 divided by the number of
    numbers (Bonferroni). Student's and not the normal, because Monte Carlo errors are estimates themselves. Their
    degrees of freedom are, for totals of cross-validation, the number of batches less one; for limits of intervals,
    half the number of draws between which their error is read off, sqrt(p (1 - p) draws); for means, standard
    deviations and evidences, the number of draws. Those of two runs are combined as by Welch and Satterthwaite.

    Totals without Monte Carlo error (a Pareto k over 0.7, in one run or the other) are left out, and so are evidences
    that are not known or cannot be trusted. Differences are to the best model of the reference; if another is best
    here, their standard errors are not known and are left out.
    """
    before, reference = read(folder)
    changes = differences(before, made_from)
    theirs = pd.concat([_numbers(path, before) for path in reference])
    best = theirs[theirs["rank"] == 0].reset_index().set_index(["file", "parameter"])["model"].to_dict()
    ours = pd.concat([_numbers(path, made_from, best) for path in tables])
    # A reference that is older than the evidence has none to compare with.
    ours = ours[ours.index.isin(theirs.index.unique("quantity"), level="quantity")]
    table, no_error = _side_by_side(theirs, ours)
    same = table["reference"] == table["ours"]
    within = abs(table["reference"] - table["ours"]) <= table["tolerance"]
    made_otherwise = table["model"].isin({model for models in changes.posterior.values() for model in models})
    table["verdict"] = np.select([table["missing"] | made_otherwise, same, within], [CHANGED, SAME, WITHIN], CHANGED)
    return table[COLUMNS], _text(folder, table, no_error, changes)


def _side_by_side(theirs: pd.DataFrame, ours: pd.DataFrame) -> tuple[pd.DataFrame, int]:
    """Numbers of the reference and ours that can be judged, with tolerances; and how many have no Monte Carlo error.

    ``missing`` says that a number is on one side only.
    """
    index = pd.MultiIndex.from_tuples(dict.fromkeys([*theirs.index, *ours.index]), names=KEYS)
    both = theirs.reindex(index).add_suffix("_reference").join(ours.reindex(index).add_suffix("_ours")).reset_index()
    both["missing"] = ~(index.isin(theirs.index) & index.isin(ours.index))
    with_error = both["quantity"].isin((*COMPARISON, "log_evidence"))
    no_value = both["value_reference"].isna() & both["value_ours"].isna()
    no_error = with_error & ~both["missing"] & (both["mcse_reference"].isna() | both["mcse_ours"].isna()) & ~no_value
    # Plain PSIS stands beside something better only if that was needed, which the draws decide.
    one_plain = both["missing"] & both["parameter"].str.endswith(PLAIN)
    both = both[~(no_value | no_error | one_plain)].reset_index(drop=True)

    one, other = (both[f"mcse_{side}"] ** 2 for side in ("reference", "ours"))
    both["mcse"] = np.sqrt(one + other)
    squares = one**2 / both["freedom_reference"] + other**2 / both["freedom_ours"]
    both["tolerance"] = _multiple((one + other) ** 2 / squares, len(both)) * both["mcse"]
    both["tolerance"] = both["tolerance"].where(both["mcse"] > 0, 0.0)
    return both.rename(columns={"value_reference": "reference", "value_ours": "ours"}), int(no_error.sum())


def _numbers(path: str | Path, made_from: dict, best: dict | None = None) -> pd.DataFrame:
    """Numbers of one table: ``value``, ``mcse``, ``freedom`` (degrees, of the error) and ``rank``, by ``KEYS``."""
    name = _name(path)
    table = read_table(path, ("model", "parameter"))
    if name.startswith("models/"):
        table["model"] = name.removeprefix("models/").removesuffix(".summary.csv")
        quantities = SUMMARY
    else:
        quantities = COMPARISON
        # Of two tables of one estimand the second is plain PSIS.
        again = table.duplicated(["model", "estimand"])
        table["parameter"] = table["estimand"].where(~again, table["estimand"] + ", " + PLAIN)
        if best:
            groups = table.groupby("parameter", sort=False)
            table = pd.concat([_from(group, best.get((name, parameter))) for parameter, group in groups])
    draws, batches = (table["model"].map(of) for of in (_draws(made_from), _draws(made_from, BATCHES)))
    freedom = dict.fromkeys(COMPARISON, batches - 1) | dict.fromkeys(("mean", "sd"), draws)
    freedom |= dict.fromkeys(("q2.5", "q97.5"), np.sqrt(0.025 * 0.975 * draws))
    long = [
        table[["model", "parameter"]].assign(
            quantity=quantity,
            value=table[quantity],
            mcse=table[f"mcse_{quantity}"],
            freedom=freedom[quantity],
            rank=table.get("rank", np.nan),
        )
        for quantity in quantities
    ]
    if "log_evidence" in table:
        # In all rows of a model, whatever is left out; judged once.
        columns = {"log_evidence": "value", "mcse_log_evidence": "mcse"}
        evidence = table.assign(freedom=draws).drop_duplicates("model").rename(columns=columns)
        long.append(evidence.assign(parameter="all data", quantity="log_evidence")[long[0].columns])
    return pd.concat(long).sort_index(kind="stable").assign(file=name).set_index(KEYS)


def _draws(made_from: dict, most: float = np.inf) -> dict[str, float]:
    """Draws of each model over all chains; of each chain at most ``most``."""
    return {model: spec["chains"] * min(spec["draws"], most) for model, spec in made_from["models"].items()}


def _from(table: pd.DataFrame, best: str | None) -> pd.DataFrame:
    """A comparison with differences to the model that is best in the reference, if another is best in the table."""
    table = table.reset_index(drop=True)
    if best == table["model"][0] or best not in set(table["model"]):
        return table
    origin = table[table["model"] == best].iloc[0]
    to_itself = table["model"] == best
    return table.assign(
        elpd_diff=table["elpd_loo"] - origin["elpd_loo"],
        mcse_elpd_diff=np.hypot(table["mcse_elpd_loo"], origin["mcse_elpd_loo"]).where(~to_itself, 0.0),
        # Its standard error takes the values row by row, and is not in the table.
        mcse_se_diff=np.nan,
    )


def _multiple(freedom: pd.Series, n: int) -> np.ndarray:
    """How many combined Monte Carlo errors two runs may differ by, if n numbers are judged."""
    from scipy.stats import t

    return t.isf(FALSE_ALARM / (2 * n), freedom)


def _name(path: str | Path) -> str:
    """Name of a table in the reference: the last folder and the file."""
    return "/".join(Path(path).parts[-2:])


def _text(folder, table: pd.DataFrame, no_error: int, changes: Differences) -> str:
    counts = ", ".join(f"{(table['verdict'] == verdict).sum()} {verdict}" for verdict in (SAME, WITHIN, CHANGED))
    lines = [f"{len(table)} numbers beside those of {folder}/: {counts}."]
    if no_error:
        why = "Pareto k over 0.7, or differences where another model is best"
        lines.append(f"Not judged: {no_error} totals and evidences without Monte Carlo error ({why}).")
    if changes.posterior:
        lines += ["Made from something else, so that all numbers of these models are changed:"]
        lines += changes.lines("posterior")
    if changes.rest:
        lines += ["Different too, though no reason for other numbers:", *changes.lines("rest")]
    changed = table[table["verdict"] == CHANGED]
    if len(changed):
        lines += ["Changed numbers, and the one in each file that is furthest off:"]
        lines += [
            _worst(file, rows, (table["file"] == file).sum()) for file, rows in changed.groupby("file", sort=False)
        ]
    return "\n".join(lines) + "\n"


def _worst(file: str, rows: pd.DataFrame, n: int) -> str:
    distance = abs(rows["reference"] - rows["ours"])
    # A number that is on one side only counts as furthest off; equal numbers may have no error to divide by.
    errors = (distance / rows["mcse"]).where(distance > 0, 0.0).where(distance.notna(), np.inf)
    row = rows.loc[errors.idxmax()]
    parts = [row["model"]] * file.startswith("comparison/") + [row["parameter"], row["quantity"]]
    what = _arrow(*("none" if np.isnan(row[side]) else f"{row[side]:.6g}" for side in ("reference", "ours")))
    return f"  {file}: {len(rows)} of {n}; {' '.join(parts)}: {what} (tolerance {row['tolerance']:.2g})"


def judge(table: pd.DataFrame, text: str, *, where: str) -> str:
    """The text if nothing is ``changed``.

    Raises
    ------
    StudyError
        With the text, the place of the table, and what to do, if something is.
    """
    if (table["verdict"] == CHANGED).any():
        raise StudyError(
            f"{text}All of them are in {where}. If these are the numbers that should be: "
            "snakemake --cores 4 keep_reference"
        )
    return text
