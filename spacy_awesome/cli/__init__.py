"""The command line: `python -m spacy awesome …`, and the same as `spacy-awesome …`.

spaCy imports this module, through the package's `spacy_cli` entry point, at every start of its own command line; so
what is heavy is imported inside the commands.
"""

from __future__ import annotations

import typer
from spacy.cli._util import app as spacy_app

from spacy_awesome.cli import align, convert, corpus, evaluate, mine, project, render, sample
from spacy_awesome.cli.reporting import ReportingGroup

app = typer.Typer(
    cls=ReportingGroup,
    help="Align the words of sentences and their translations, and project labelled spans along the links.",
    no_args_is_help=True,
    rich_markup_mode=None,
    add_completion=False,
)
app.command("align")(align.align)
app.command("sentences")(align.sentences)
app.command("project")(project.project)
app.command("corpus")(corpus.corpus)
app.add_typer(evaluate.evaluate_app, name="evaluate")
app.command("mine")(mine.mine)
app.command("score")(mine.score)
app.command("convert")(convert.convert)
app.command("render")(render.render)
app.command("translate")(corpus.translate)
app.command("export")(convert.export)
app.command("sample")(sample.sample)

spacy_app.add_typer(app, name="awesome")


def main() -> None:
    """Run the script `spacy-awesome`."""
    app()
