"""Figures inside the page, with their captions."""

import base64
from pathlib import Path

from markupsafe import Markup

from partialpool.jobs.written import require_as_written
from partialpool.report import captions
from partialpool.report.elements import scrolled
from partialpool.report.words import ended
from partialpool.study.study import Study

# Figures with fewer pixels across are made for one column, the others for the whole page.
COLUMN_PIXELS = 1500


def figure(study: Study, name: str, folder: str | Path, *, known: captions.Known = captions.NOTHING) -> Markup:
    """A figure with its caption, the image inside the page; whichever of SVG and PNG is smaller.

    ``folder`` has the images; for ``known`` see ``captions.caption``. StudyError if one is not what was drawn.
    """
    png, svg = (Path(folder, f"{name}.{suffix}") for suffix in ("png", "svg"))
    for file in (png, svg):
        require_as_written(file)
    path, kind = min((svg, "svg+xml"), (png, "png"), key=lambda choice: choice[0].stat().st_size)
    title, width = ended(captions.figure_title(study, name)), _width(png)
    image = Markup('<img src="data:image/{};base64,{}" alt="{}" class="{}">').format(
        kind, base64.b64encode(path.read_bytes()).decode(), captions.alt(study, name, known), width
    )
    if width == "page":
        image = scrolled(f"Figure: {title}", image)
    # The page has the image once: its script gives the link the address of the image.
    save = Markup('<a hidden download="{}">Save {}</a>').format(path.name, path.name)
    return Markup('<figure id="figure-{}">{}<figcaption><strong>{}</strong> {} {}</figcaption></figure>').format(
        name, image, title, captions.caption(study, name, known), save
    )


def _width(png: Path) -> str:
    """Whether a figure is made for one column or for the page, from the width in the PNG's header."""
    pixels = int.from_bytes(png.read_bytes()[16:20], "big")
    return "column" if pixels < COLUMN_PIXELS else "page"
