"""The page that is made of the executed notebook."""

import base64
import hashlib
import os
import re
from collections.abc import Iterable
from pathlib import Path

from markupsafe import Markup

from partialpool.errors import StudyError
from partialpool.jobs.files import atomic


def render(source: str, *, notebook: str, html: str, failed: str | Path, page: str, parameters: dict) -> None:
    """Execute the notebook and write it and its page; neither exists under its name before both are whole.

    Parameters
    ----------
    source
        The notebook, without outputs.
    notebook, html
        Targets: the executed notebook and the page.
    failed
        Where the notebook is kept if a cell fails.
    page
        Jinja template of the page.
    parameters
        Passed to the notebook by papermill; ``study`` is the checked configuration.

    Raises
    ------
    StudyError
        If a cell fails; names the cell, the error and where the notebook is kept. If the notebook's process is killed.
    """
    import papermill
    from nbclient.exceptions import DeadKernelError

    # The kernel's debugger complains about frozen modules otherwise.
    os.environ["PYDEVD_DISABLE_FILE_VALIDATION"] = "1"
    with atomic(html) as html_file, atomic(notebook) as notebook_file:
        try:
            papermill.execute_notebook(
                source,
                notebook_file,
                parameters=parameters,
                kernel_name="python3",
                progress_bar=False,
                log_output=False,
                # Its last cell has ended by then: nothing is lost, and a second is saved.
                shutdown_kernel="immediate",
            )
        except papermill.PapermillExecutionError as error:
            Path(failed).parent.mkdir(parents=True, exist_ok=True)
            notebook_file.replace(failed)
            kept = f"The notebook with the traceback is kept at {failed}."
            # What the user can mend is said as elsewhere, without the cell that came upon it.
            if error.ename == StudyError.__name__:
                raise StudyError(f"{error.evalue}\n{kept}") from None
            raise StudyError(
                f"The report failed in cell {error.exec_count}: {error.ename}: {error.evalue}\n{kept}"
            ) from None
        except DeadKernelError:
            raise StudyError(
                "The process in which the report's notebook runs was killed, most often because memory ran out.\n"
                "Run the same command again, with fewer --cores, so that less runs beside it. Where it may open "
                "fewer than 100 files (ulimit -n), it ends like this too: raise that limit."
            ) from None
        html_file.write_text(to_page(notebook_file, page, parameters["study"]["title"]), encoding="utf-8")


def to_page(notebook: str | Path, page: str | Path, title: str) -> str:
    """An executed notebook as one HTML page: code hidden, table of contents, nothing fetched from anywhere.

    Warnings of packages are no part of the page: they go to the log.
    """
    import jinja2
    import nbformat
    from nbconvert import HTMLExporter, TemplateExporter
    from nbconvert.filters import Highlight2HTML

    exporter = HTMLExporter(
        template_name="basic",
        exclude_input=True,
        exclude_input_prompt=True,
        exclude_output_prompt=True,
        exclude_anchor_links=True,
        filters={"highlight_code": Highlight2HTML},
    )
    executed = nbformat.read(notebook, as_version=4)
    for cell in executed.cells:
        warned = [output for output in cell.get("outputs", []) if output.get("name") == "stderr"]
        for output in warned:
            print(output.text)
            cell.outputs.remove(output)
    # As its template makes it. By itself it would parse the page then, which takes ten times as long, to look for
    # images without an alternative text.
    body, _ = TemplateExporter.from_notebook_node(exporter, executed)
    # The title stands in the page's header, above the contents.
    body, contents = with_anchors(re.sub(r"<h1\b.*?</h1>", "", body, count=1, flags=re.DOTALL))
    text = Path(page).read_text(encoding="utf-8")
    template = jinja2.Template(text, autoescape=True)
    return template.render(title=title, contents=contents, body=Markup(body), policy=policy(text))


def policy(template: str) -> Markup:
    """The page's Content-Security-Policy: its own style and script, images inside of it, and nothing else.

    Parameters
    ----------
    template
        Text of the template. What stands in its elements ``style`` and ``script`` is in the page as it is.
    """
    allowed = {}
    for element in ("style", "script"):
        texts = re.findall(rf"<{element}>(.*?)</{element}>", template, re.DOTALL)
        hashes = (base64.b64encode(hashlib.sha256(text.encode()).digest()).decode() for text in texts)
        allowed[f"{element}-src"] = " ".join(f"'sha256-{one}'" for one in hashes)
    sources = {"default-src": "'none'", "img-src": "data:", **allowed, "base-uri": "'none'", "form-action": "'none'"}
    return Markup("; ".join(f"{kind} {source}" for kind, source in sources.items()))


def with_anchors(body: str) -> tuple[str, list[dict]]:
    """HTML whose headings of levels 2 and 3 have ids, and its contents: ``level``, ``id`` and ``words`` of each."""
    contents: list[dict] = []

    def with_id(heading: re.Match) -> str:
        level, inside = heading.groups()
        words = Markup(inside).striptags()
        name = anchor(words, {entry["id"] for entry in contents})
        contents.append({"level": int(level), "id": name, "words": words})
        return f'<h{level} id="{name}">{inside}</h{level}>'

    # A regular expression, because parsing a page with megabytes of images takes longer than making it. No heading
    # stands inside of an attribute: `elements` escape them there.
    return re.sub(r"<h([23])\b[^>]*>(.*?)</h\1>", with_id, body, flags=re.DOTALL), contents


def anchor(words: str, taken: Iterable[str]) -> str:
    """An id for a heading, unlike those taken."""
    base = re.sub(r"[^a-z0-9]+", "-", words.lower()).strip("-") or "section"
    name, n = base, 1
    while name in taken:
        n += 1
        name = f"{base}-{n}"
    return name
