"""`corpus` and `translate`: training data for a language without labels, and translations of sentences."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from spacy_awesome.cli.options import AlignerOptions, QuietOption, progress, with_options
from spacy_awesome.cli.project import RuleOptions, blank_pipeline, read_targets

if TYPE_CHECKING:
    from spacy_awesome.transfer import FilterSettings
    from spacy_awesome.transfer.corpus_report import CorpusReport
    from spacy_awesome.translation import TranslationEngine

_CACHE = "translations.cache"


@dataclass(frozen=True)
class TranslatorOptions:
    """Where the target sentences come from, if there is no file of them."""

    engine: Annotated[
        str | None,
        typer.Option(help="Translate the source sentences, instead of --target: apertium or seq2seq."),
    ] = None
    direction: Annotated[
        str | None, typer.Option(help="For --engine apertium: one of those that `apertium -l` lists, such as eng-spa.")
    ] = None
    translation_model: Annotated[
        str | None, typer.Option(help="For --engine seq2seq: hub name or folder, such as Helsinki-NLP/opus-mt-en-es.")
    ] = None

    def make(self) -> TranslationEngine:
        """The engine. Raises ValueError at an unknown one, and where one or its model is not installed."""
        from spacy_awesome.translation import make_engine

        if self.engine == "file":
            raise ValueError("Give a file of translations as --target instead of --engine file.")
        if self.engine == "apertium" and self.direction is None:
            raise ValueError("--engine apertium needs --direction, such as eng-spa; `apertium -l` lists what is there.")
        return make_engine(str(self.engine), direction=str(self.direction), model=self.translation_model)


@dataclass(frozen=True)
class FilterOptions:
    """Which sentences are good enough to train on."""

    complete: Annotated[
        bool,
        typer.Option("--complete/--incomplete", help="Drop sentences that lost one of their spans, or keep them."),
    ] = True
    min_score: Annotated[
        float,
        typer.Option(min=0, max=1, help="Drop sentences with a span whose projection score is lower; 0 keeps all."),
    ] = 0.5
    min_coverage: Annotated[
        float,
        typer.Option(min=0, max=1, help="Drop sentences if a smaller share of their words has links; 0 keeps all."),
    ] = 0.3
    max_length_ratio: Annotated[
        float | None,
        typer.Option(min=1, help="Drop sentences if one side has more than so many times the words of the other."),
    ] = None

    def settings(self) -> FilterSettings:
        """The same as the library takes it."""
        from spacy_awesome.transfer import FilterSettings

        return FilterSettings(**vars(self))


@with_options(translator=TranslatorOptions, filters=FilterOptions, projector=RuleOptions, aligner=AlignerOptions)
def corpus(
    source: Annotated[
        str,
        typer.Argument(
            metavar="SOURCE",
            help="Labelled sentences: CoNLL columns (word first, tag last; IOB1, IOB2, BILUO, BIOES), .spacy, .jsonl.",
        ),
    ],
    output: Annotated[
        Path,
        typer.Argument(
            metavar="OUTPUT", help="Folder for train.spacy, dev.spacy, report.md and report.json; made if not there."
        ),
    ],
    *,
    target: Annotated[
        str | None,
        typer.Option(
            help="Translations of SOURCE, one a line, words between spaces (raw text: see --lang); "
            "or .conll, .spacy or .jsonl, of which the words are used."
        ),
    ] = None,
    lang: Annotated[
        str | None,
        typer.Option(
            help="The target text is raw and in this language (es, de, …): split it into words with spaCy's rules. "
            "Needed with --engine."
        ),
    ] = None,
    source_lang: Annotated[str, typer.Option(help="Language of SOURCE, noted with --keep-pairs.")] = "xx",
    dev_share: Annotated[
        float, typer.Option(min=0, max=0.99, help="Share of the sentences for dev.spacy; 0 writes none.")
    ] = 0.1,
    seed: Annotated[int, typer.Option(help="Another seed, another choice of sentences for dev.spacy.")] = 0,
    limit: Annotated[int | None, typer.Option(min=1, help="Use so many sentences from the start of SOURCE.")] = None,
    drop_lowercase: Annotated[
        bool,
        typer.Option(
            "--drop-lowercase",
            help="Take the label from spans without a capital letter: for languages such as Spanish, which write as "
            "common words what English writes as names (español).",
        ),
    ] = False,
    keep_pairs: Annotated[
        bool, typer.Option("--keep-pairs", help="Keep source, links and scores in the Docs (larger files).")
    ] = False,
    cache: Annotated[
        str | None,
        typer.Option(help=f"File that keeps all translations as they are made.  [default: OUTPUT/{_CACHE}]"),
    ] = None,
    quiet: QuietOption = False,
    translator: TranslatorOptions,
    filters: FilterOptions,
    projector: RuleOptions,
    aligner: AlignerOptions,
) -> None:
    """Make training data for a language without labels: translate, align, project, filter, split.

    train.spacy and dev.spacy are for `spacy train`; the report says what was dropped and why. With --engine, what has
    been translated is kept: a command that was killed goes on where it was when it is given again. The other files
    appear at the end.

    \b
    Examples:
      python -m spacy awesome corpus english.conll corpus --target spanish.txt --lang es
      python -m spacy awesome corpus english.spacy corpus --engine apertium --direction eng-spa --lang es
      python -m spacy awesome corpus english.jsonl corpus --engine seq2seq --translation-model opus-mt-en-es --lang es
      python -m spacy train ner.cfg --paths.train corpus/train.spacy --paths.dev corpus/dev.spacy
    """
    from spacy_awesome.formats.files import zip_equal
    from spacy_awesome.formats.sentences import read_labelled_docs
    from spacy_awesome.tokens.pair import parallel_stream
    from spacy_awesome.transfer.corpus import translated_pairs, write_corpus

    _check_options(source, target, lang, translator)
    cache = cache or str(output / _CACHE)
    _check_files(source, target, output, cache)
    settings = filters.settings()
    engine = translator.make() if translator.engine else None
    nlp = blank_pipeline(lang or "xx")
    span_projector = projector.component(nlp)
    word_aligner = aligner.load()
    sources = read_labelled_docs(source, blank_pipeline(source_lang).vocab)
    if engine is not None:
        pairs = translated_pairs(nlp, islice(sources, limit), engine, cache=cache)
    else:
        targets = read_targets(str(target), nlp, raw=lang is not None)
        both = zip_equal(sources, targets, names=(source, str(target)), unit="sentences")
        pairs = parallel_stream(nlp, islice(both, limit))
    docs = span_projector.pipe(word_aligner.pipe(pairs))
    report = write_corpus(
        progress(docs, quiet=quiet),
        output,
        settings=settings,
        dev_share=dev_share,
        seed=seed,
        drop_lowercase=drop_lowercase,
        keep_pairs=keep_pairs,
    )
    if not quiet:
        typer.echo(_summary(report, output))


def _check_options(source: str, target: str | None, lang: str | None, translator: TranslatorOptions) -> None:
    """Find what is wrong with the options before a model is loaded."""
    if (target is None) == (translator.engine is None):
        raise ValueError("Give the translations as --target FILE, or have them made by --engine: one of the two.")
    if translator.engine is not None and lang is None:
        raise ValueError("--engine gives raw text: name its language with --lang, so that spaCy can split it.")


def _check_files(source: str, target: str | None, output: Path, cache: str) -> None:
    """The same for the files that are read and written; makes the folder."""
    from spacy_awesome.formats.files import check_files
    from spacy_awesome.transfer.corpus import CORPUS_FILES

    check_files((source, target))
    output.mkdir(parents=True, exist_ok=True)
    check_files((source, target), (*(output / name for name in CORPUS_FILES), cache))


def _summary(report: CorpusReport, output: Path) -> str:
    """A few lines for the terminal; the files of the report have more."""
    dropped = report.dropped.total()
    return (
        f"{report.sentences} sentences: {report.train} to train on, {report.dev} to develop on, "
        f"{dropped} dropped{f' ({report.reasons})' if dropped else ''}\n"
        f"{report.source_spans.total()} spans in the source, {report.kept_spans.total()} in what was kept\n"
        f"{output / 'report.md'} says more"
    )


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
