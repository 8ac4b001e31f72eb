"""The command line: `python -m spacy awesome …`, and the same as `spacy-awesome …`.

spaCy imports this module, through the package's `spacy_cli` entry point, at every start of its own command line; so
what is heavy is imported inside the commands.
"""

from __future__ import annotations

import typer
from spacy.cli._util import app as spacy_app

from spacy_awesome.cli.align import align
from spacy_awesome.cli.convert import convert
from spacy_awesome.cli.corpus import corpus
from spacy_awesome.cli.errors import ReportingGroup
from spacy_awesome.cli.evaluate import evaluate_app
from spacy_awesome.cli.export import export
from spacy_awesome.cli.mine import mine
from spacy_awesome.cli.project import project
from spacy_awesome.cli.render import render
from spacy_awesome.cli.sample import sample
from spacy_awesome.cli.score import score
from spacy_awesome.cli.sentences import sentences
from spacy_awesome.cli.translate import translate

app = typer.Typer(
    cls=ReportingGroup,
    help="Align the words of sentences and their translations, and project labelled spans along the links.",
    no_args_is_help=True,
    rich_markup_mode=None,
    add_completion=False,
)
app.command("align")(align)
app.command("sentences")(sentences)
app.command("project")(project)
app.command("corpus")(corpus)
app.add_typer(evaluate_app, name="evaluate")
app.command("mine")(mine)
app.command("score")(score)
app.command("convert")(convert)
app.command("render")(render)
app.command("translate")(translate)
app.command("export")(export)
app.command("sample")(sample)

spacy_app.add_typer(app, name="awesome")


def main() -> None:
    """Run the script `spacy-awesome`."""
    app()
