"""What a fit is made from, besides the data."""

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from typing import Any

from partialpool.model.grammar import check_formula
from partialpool.model.priors import Distribution, parse_priors


@dataclass(frozen=True)
class ModelSpec:
    """All that one fit depends on besides the data: titles and texts are not in it.

    Attributes
    ----------
    formula
        In brms' notation, ``y ~ 1 + x + (1 + x | unit)``; single spaces.
    family, link
        Bambi's name of the family; link function of the mean, None for the family's own.
    priors
        By class of parameters: ``Intercept``, ``b`` or ``b[x]``, ``sd`` or ``sd[x]``, ``cor``, ``sigma``. Those that
        are left out are chosen when the model is fitted (``model.automatic``).
    unit
        Column that says whose measurements they are.
    engine
        ``auto``, ``marginal`` or ``nuts``.
    group_effects
        What is kept of each unit's effects: ``auto``, ``draws`` or ``summary``.
    sampler
        Which NUTS: ``nutpie`` or ``pymc``.
    chains, draws
        Number of chains; draws of each.
    warmup, target_accept
        Of NUTS: iterations of each chain that are not kept; acceptance rate, None for the engine's own.
    seed
        Of the sampler and of the posterior predictive draws.
    complete
        Columns besides those of the formula that have a value in every row of the fit: those of the models with which
        it shares its rows. In order of the alphabet.
    """

    formula: str
    family: str
    link: str | None
    priors: Mapping[str, Distribution]
    unit: str
    engine: str
    group_effects: str
    sampler: str
    chains: int
    warmup: int
    draws: int
    target_accept: float | None
    seed: int
    complete: tuple[str, ...] = ()

    def __post_init__(self):
        # Here, so that a spec from a config and one from the file of a fit are checked alike.
        check_formula(self.formula)

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> "ModelSpec":
        """The spec of ``to_dict``.

        Raises
        ------
        StudyError
            If a prior cannot be read, or the formula is refused.
        TypeError
            If a key is missing or unknown.
        """
        priors, complete = parse_priors(values["priors"]), tuple(values.get("complete", ()))
        return cls(**{**values, "priors": priors, "complete": complete})

    def with_priors(self, automatic: Mapping[str, Distribution]) -> "ModelSpec":
        """The spec with priors of what it left out; the same if it left out none."""
        return replace(self, priors=dict(sorted({**automatic, **self.priors}.items()))) if automatic else self

    def to_dict(self) -> dict[str, Any]:
        """Text, numbers and None, for JSON and for the parameters of a rule; priors as text."""
        values = {field.name: getattr(self, field.name) for field in fields(self)}
        values["priors"] = {name: str(prior) for name, prior in self.priors.items()}
        # Left out where there are none, so that a fit on all of a model's rows has the spec of earlier releases.
        complete = list(values.pop("complete"))
        return values | ({"complete": complete} if complete else {})
