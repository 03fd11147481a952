"""The section `report`: which sections the report has, in which order, and texts of the study's own."""

from pydantic import Field

from partialpool.study.base import Name, Strict

SECTIONS = (
    *("data", "models", "sizes", "comparisons", "predictions", "paper", "published"),
    *("guidelines", "provenance", "glossary"),
)
"""Sections that any report may have, in their usual order."""


class Section(Strict):
    """A section of the report."""

    title: str | None = None
    """Its heading; a section of the report's own has one if it is left out."""
    text: str = ""
    """What it says, in Markdown; a section of the report's own begins with it."""


class Report(Strict):
    """Which sections the report has, in which order, and texts of the study's own."""

    sections: dict[Name, Section] = Field({})
    """Sections of the study's own by name, and headings and texts of the report's: `data`, `models`, `sizes`,
    `comparisons`, `predictions`, `paper`, `published`, `guidelines`, `provenance`, `glossary`."""
    order: list[str] = Field([])
    """Names of sections in the order in which the report shows them. Others follow in their usual order, those of the
    study's own after `data`."""
    hide: list[str] = Field([])
    """Names of sections that the report does not show."""

    @property
    def all_sections(self) -> list[str]:
        """Names of all sections in their usual order."""
        own = [name for name in self.sections if name not in SECTIONS]
        first, *others = SECTIONS
        return [first, *own, *others]

    @property
    def shown(self) -> list[str]:
        """Names of the sections to show, in the order to show them."""
        names = dict.fromkeys([*self.order, *self.all_sections])
        return [name for name in names if name not in self.hide]
