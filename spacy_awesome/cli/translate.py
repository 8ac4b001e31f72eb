"""`translate`: sentences in, a translation of each out."""

from __future__ import annotations

from typing import Annotated

import typer

from spacy_awesome.cli.options import QuietOption, progress


def translate(
    input_path: Annotated[
        str,
        typer.Argument(
            metavar="INPUT", help="Sentences, one a line, or labelled sentences (.conll, .spacy, .jsonl). `-` is stdin."
        ),
    ],
    output_path: Annotated[str, typer.Argument(metavar="OUTPUT", help="Translations, one a line. `-` is stdout.")],
    *,
    engine: Annotated[str, typer.Option(help="file, apertium or seq2seq.")],
    translations: Annotated[
        str | None, typer.Option(help="For `file`: the file with one translation for each sentence.")
    ] = None,
    direction: Annotated[str, typer.Option(help="For `apertium`: one of those that `apertium -l` lists.")] = "spa-eng",
    model: Annotated[
        str | None, typer.Option(help="For `seq2seq`: hub name or folder, such as Helsinki-NLP/opus-mt-es-en.")
    ] = None,
    batch_size: Annotated[int, typer.Option(min=1, help="For `seq2seq`: sentences translated at once.")] = 32,
    beams: Annotated[int, typer.Option(min=1, help="For `seq2seq`: hypotheses kept of each; 1 is greedy.")] = 4,
    source_format: Annotated[
        str | None, typer.Option("--from", help="Format of INPUT, if its ending does not tell (conll, text, …).")
    ] = None,
    cache: Annotated[
        str | None,
        typer.Option(help="File that keeps all translations as they are made.  [default: OUTPUT with `.cache` added]"),
    ] = None,
    quiet: QuietOption = False,
) -> None:
    """Translate sentences: one line out for each sentence in, in the same order.

    What has been translated is kept in a cache, so that a command that was killed goes on where it was when it is given
    again, and OUTPUT appears only when it is whole.

    \b
    Examples:
      python -m spacy awesome translate spanish.txt english.txt --engine apertium --direction spa-eng
      python -m spacy awesome translate esp.txt eng.txt --engine seq2seq --model Helsinki-NLP/opus-mt-es-en
      python -m spacy awesome translate esp.testb eng.txt --from conll --engine file --translations DeepL.txt
    """
    from spacy_awesome.formats.files import STANDARD_STREAM, check_files, open_output
    from spacy_awesome.formats.parallel_text import join_words
    from spacy_awesome.formats.sentences import format_of, read_sentences
    from spacy_awesome.translation import make_engine
    from spacy_awesome.translation import translate as translate_lines

    if cache is None and output_path != STANDARD_STREAM:
        cache = f"{output_path}.cache"
    check_files((input_path, translations), (output_path, cache))
    machine = make_engine(
        engine, translations=translations, direction=direction, model=model, batch_size=batch_size, beams=beams
    )
    file_format = source_format or format_of(input_path, default="text")
    sentences = progress(read_sentences(input_path, file_format=file_format), quiet=quiet, unit=" sentences")
    lines = (join_words(sentence.words) for sentence in sentences)
    with open_output(output_path) as stream:
        for line in translate_lines(lines, machine, cache=cache):
            stream.write(line + "\n")
