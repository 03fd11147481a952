"""The sections `sampling`, `models` and `checks`."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, field_validator, model_validator

from partialpool.errors import StudyError, suggest
from partialpool.model.grammar import check_formula
from partialpool.model.parts import behind_bars, columns
from partialpool.model.priors import parse_priors
from partialpool.study.base import Seed, Strict
from partialpool.study.families import FAMILIES, IN_R, NOT_HERE, PRIORS_IN_R

# ASSUME: nobody wants more, and a typing error may ask for so many that no memory holds them.
MOST_CHAINS, MOST_DRAWS = 100, 1_000_000


def _refuse_collapsed(value: Any) -> Any:
    if value == "collapsed":
        raise ValueError("the engine 'collapsed' is called 'marginal' now.")
    return value


Engine = Annotated[Literal["auto", "marginal", "nuts"], BeforeValidator(_refuse_collapsed)]
GroupEffects = Literal["auto", "draws", "summary"]
Sampler = Literal["nutpie", "pymc"]


class Sampling(Strict):
    """Settings of the sampler; each can be overridden for one model."""

    engine: Engine = "auto"
    """What is sampled: `marginal`, the scales, with all coefficients integrated out (Gaussian models with normal priors
    and any number of grouping factors, crossed or nested): by independent draws, or by NUTS where these fail; `nuts`,
    all parameters by NUTS; `auto` takes `marginal` where it applies; for yes-no, count and gamma models without
    group-level effects independent draws of all parameters, and for those with effects quadrature over those of units,
    where that takes less time than NUTS; else `nuts`."""
    group_effects: GroupEffects = "auto"
    """What is kept of the group-level effects: `draws`; `summary`, their mean, sd and 95 % interval; `auto` keeps draws
    unless they would take about a gigabyte."""
    sampler: Sampler = "nutpie"
    """Which NUTS over all parameters: nutpie's or PyMC's own."""
    chains: int = Field(4, ge=2, le=MOST_CHAINS)
    """Number of chains; R-hat needs at least two."""
    warmup: int = Field(1000, ge=1, le=MOST_DRAWS)
    """Warmup iterations per chain, not kept; for NUTS only, since independent draws have no warmup."""
    draws: int = Field(1000, ge=4, le=MOST_DRAWS)
    """Draws kept per chain."""
    target_accept: float | None = Field(None, gt=0, lt=1)
    """Acceptance rate that the step size of NUTS is adapted to; higher means smaller steps, fewer divergences. By
    default 0.8 where it moves over the scales only, which are nearly normal, and 0.95 over all parameters."""
    seed: Seed = 1
    """Seed of the sampler and of the posterior predictive draws."""


class Model(Strict):
    """One multilevel model."""

    title: str
    """Short name for tables and figures."""
    text: str = ""
    """What the report says about it, in Markdown."""
    formula: str
    """Model formula as in brms and lme4: `y ~ 1 + x + (1 + x | unit)` has correlated effects."""
    family: str = "gaussian"
    """Bambi's name of the family of the outcome."""
    link: str | None = None
    """Link function of the mean; the family's own by default."""
    priors: dict[str, str] = Field({})
    """Priors by class of parameters: Intercept, b (or `b[x]`), sd (or `sd[x]`), cor, the family's own (sigma). What is
    left out has an automatic prior, from the model's own data."""
    truth: dict[str, float] = Field({})
    """If simulated data were drawn from this model: its parameters, shown beside the estimates: `{Intercept: 0.2}`."""
    engine: Engine | None = None
    """Overrides `sampling.engine` for this model."""
    group_effects: GroupEffects | None = None
    """Overrides `sampling.group_effects` for this model."""
    sampler: Sampler | None = None
    """Overrides `sampling.sampler` for this model."""
    chains: int | None = Field(None, ge=2, le=MOST_CHAINS)
    """Overrides `sampling.chains` for this model."""
    warmup: int | None = Field(None, ge=1, le=MOST_DRAWS)
    """Overrides `sampling.warmup` for this model."""
    draws: int | None = Field(None, ge=4, le=MOST_DRAWS)
    """Overrides `sampling.draws` for this model."""
    target_accept: float | None = Field(None, gt=0, lt=1)
    """Overrides `sampling.target_accept` for this model."""
    seed: Seed | None = None
    """Overrides `sampling.seed` for this model."""

    @field_validator("family")
    @classmethod
    def family_is_known(cls, family: str) -> str:
        """Refuse what Bambi does not have."""
        if family in FAMILIES:
            return family
        if family in NOT_HERE:
            raise ValueError(f"the family '{family}' has an outcome of several columns, which no model here can have.")
        hint = f" Write '{IN_R[family]}'." if family in IN_R else suggest(family, FAMILIES)
        raise ValueError(f"there is no family '{family}'.{hint} Valid: {', '.join(FAMILIES)}.")

    @field_validator("formula")
    @classmethod
    def formula_is_harmless(cls, formula: str) -> str:
        """Refuse what is not allowed in a formula. Its names are checked once there are data."""
        try:
            check_formula(formula)
        except StudyError as error:
            raise ValueError(str(error)) from None
        return " ".join(formula.split())

    @field_validator("priors")
    @classmethod
    def priors_parse(cls, priors: dict[str, str]) -> dict[str, str]:
        """Every prior in one spelling."""
        try:
            return {key: str(prior) for key, prior in parse_priors(priors).items()}
        except StudyError as error:
            raise ValueError(str(error)) from None

    @model_validator(mode="after")
    def fits_together(self):
        """Refuse a link that the family does not have, and priors of parameters that the model cannot have."""
        family = FAMILIES[self.family]
        if self.link is not None and self.link not in family.links:
            raise ValueError(
                f"the family '{self.family}' has no link '{self.link}'.{suggest(self.link, family.links)} Valid: "
                f"{', '.join(family.links)}."
            )
        wrong = [why for key in self.priors if (why := _why_no_prior(key, self.formula, family.parameters))]
        if wrong:
            raise ValueError("\n    ".join(wrong))
        return self


def _why_no_prior(key: str, formula: str, parameters: tuple[str, ...]) -> str | None:
    """Why a model has no parameter for the prior of a class, as far as its formula tells without data."""
    classes = ("Intercept", "b", *(("sd", "cor") if behind_bars(formula) else ()), *parameters)
    klass, bracket, coefficient = key.partition("[")
    closed = coefficient.endswith("]") and klass in ("b", "sd") if bracket else True
    if klass not in classes or not closed:
        valid = [*classes, *(f"{name}[x]" for name in ("b", "sd") if name in classes)]
        here = PRIORS_IN_R.get(key)
        hint = f" Write '{here}'." if here in valid else suggest(key, valid)
        return f"'priors': the model has no parameters of class '{key}'.{hint} Valid: {', '.join(valid)}."
    known = [*columns(formula), "Intercept"]
    # Names of terms have columns without backquotes, whatever their characters.
    for name in sorted((name for name in known if not name.isidentifier()), key=len, reverse=True):
        coefficient = coefficient.replace(name, "Intercept")
    other = next((name for name in columns(coefficient) if name not in known), None) if bracket else None
    if other:
        return f"'priors': '{key}' names '{other}', which is not in the formula.{suggest(other, known)}"
    return None


# The tables of each check of a model that can be switched off.
TABLES: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "prior": ("prior_predictive", "prior_posterior"),
        "predictive": ("predictive",),
        "loo_pit": ("loo_pit", "loo_pit_curve"),
        "sensitivity": ("sensitivity",),
        "influence": ("influence",),
        "refits": ("wambs",),
    }
)


class Checks(Strict):
    """Thresholds of the checks of the draws (Vehtari et al. 2021 and 2024, Betancourt 2016), and which checks of a
    model against its data and its priors there are.
    """

    rhat: float = Field(1.01, gt=1)
    """Largest R-hat (rank-normalised, split) of any parameter."""
    ess_bulk: float = Field(400.0, gt=0)
    """Smallest bulk effective sample size of any parameter."""
    ess_tail: float = Field(400.0, gt=0)
    """Smallest tail effective sample size of any parameter."""
    divergences: int = Field(0, ge=0)
    """Largest number of divergent transitions of NUTS after warmup."""
    ebfmi: float = Field(0.3, gt=0)
    """Smallest energy Bayesian fraction of missing information of any chain of NUTS."""
    pareto_k: float = 0.5
    """Largest Pareto k of the importance weights of independent draws."""
    acceptance: float = Field(0.3, gt=0, lt=1)
    """Smallest share of proposals of independent draws that are accepted."""
    prior: bool = True
    """Whether to show what the priors say of the outcome, and the priors of parameters beside their posteriors."""
    predictive: bool = True
    """Whether to compare the data with data sets that each model would give."""
    loo_pit: bool = True
    """Whether to show where measurements lie in their distributions given all others."""
    sensitivity: bool = True
    """Whether to say how far estimates move if the priors, or the data, counted a little more or less."""
    influence: bool = True
    """Whether to say how far estimates move without single units and measurements."""
    refits: bool = True
    """Whether to fit models of the marginal engine again, with twice the draws and with other priors, as the WAMBS
    checklist asks for; the section *What was reported* says how far estimates move."""

    @property
    def thresholds(self) -> dict[str, float]:
        """The thresholds of the checks of the draws."""
        return self.model_dump(exclude=set(TABLES))
