"""Two unaligned collections of documents to training data: the steps of the workflow `documents`.

    python scripts/documents.py make documents/collections               the sample in assets/, English and Spanish
    python scripts/documents.py make documents/collections --data DATA   Europarl, English and Spanish
    python scripts/documents.py pair documents/collections documents/pairs.json
    python scripts/documents.py annotate documents/collections documents/pairs.json documents/annotated.spacy
    python scripts/documents.py training-data documents/annotated.spacy documents/training.spacy
    python scripts/documents.py evaluate documents/collections documents/annotated.spacy documents/scores.json

`make` joins neighbouring sentences to documents and takes care that nothing but their content says what belongs
together: sentences are joined, split and left out, the target's documents shuffled, and each side has documents that
the other lacks. Documents travel as `.spacy` files.
"""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

import spacy
import typer
from spacy.tokens import Doc, DocBin, Span

from recipe.synthetic_documents import Changes, make_document
from spacy_awesome import parallel_stream
from spacy_awesome.evaluation.alignments import score_beads
from spacy_awesome.evaluation.spans import score_spans
from spacy_awesome.formats.conll import LabelledSentence, read_conll, spans_to_tags, tags_to_spans
from spacy_awesome.formats.docbin import labelled_sentence, read_docs
from spacy_awesome.formats.files import open_binary_output, open_output, zip_equal
from spacy_awesome.formats.sentences import write_labelled_docs
from spacy_awesome.tokens.sentence_alignment import SentenceAlignment

SAMPLE = Path("assets/sample/en-es")
EUROPARL = Path("ner/europarl")
CHANGES = Changes(joined=0.15, shifted=0.0, split=0.05, dropped=0.1, inserted=0.0)
# Documents that only one side has.
LONELY = 2

app = typer.Typer(help=__doc__, no_args_is_help=True)
Collections = Annotated[Path, typer.Argument(help="Folder that `make` wrote.", exists=True)]


class TaggedWord(str):
    """A word that carries its entity tag wherever its sentence goes."""

    tag: str

    def __new__(cls, word: str, tag: str) -> TaggedWord:
        tagged = super().__new__(cls, word)
        tagged.tag = tag
        return tagged


@app.command()
def make(
    output: Annotated[Path, typer.Argument(help="Folder for source.spacy, target.spacy and gold.json.")],
    data: Annotated[str, typer.Option(help="Folder of real data; may be empty.")] = "",
    which: Annotated[str, typer.Option(help="sample, europarl, or auto: europarl where --data is given.")] = "auto",
    size: Annotated[int, typer.Option(min=1, help="Sentence pairs of a document.")] = 8,
) -> None:
    """Make two collections whose order and sentence boundaries differ."""
    if which not in ("auto", "sample", "europarl"):
        raise SystemExit(f"Unknown corpus {which!r}; expected auto, sample or europarl.")
    if which == "europarl" and not data:
        raise SystemExit("The corpus europarl needs real data: set SPACY_AWESOME_DATA to its folder.")
    files = SAMPLE / "source.conll", SAMPLE / "target.conll"
    if data and which != "sample":
        files = tuple(Path(data) / EUROPARL / f"{code}-europarl.test.conll02" for code in ("en", "es"))  # type: ignore[assignment]
    for path in files:
        if not path.exists():
            raise SystemExit(f"{path} is missing: expected the sample in the repository, or SPACY_AWESOME_DATA's data.")
    sides = (read_conll(path) for path in files)
    pairs = [(tagged(x), tagged(y)) for x, y in zip_equal(*sides, names=files, unit="sentences")]
    made = [
        make_document(pairs[start : start + size], seed=start, changes=CHANGES) for start in range(0, len(pairs), size)
    ]
    order = list(range(LONELY, len(made)))
    random.Random(0).shuffle(order)
    output.mkdir(parents=True, exist_ok=True)
    save([document(made[place].source, "en") for place in range(len(made) - LONELY)], output / "source.spacy")
    save([document(made[place].target, "es") for place in order], output / "target.spacy")
    gold = [
        {"source": place, "target": order.index(place), "beads": made[place].alignment.to_text()}
        for place in range(LONELY, len(made) - LONELY)
    ]
    write_json(gold, output / "gold.json")


@app.command()
def pair(
    collections: Collections,
    output: Annotated[Path, typer.Argument(help="JSON file for the pairs: places in both collections, and scores.")],
) -> None:
    """Find the documents that translate each other."""
    aligner = spacy.blank("es").add_pipe("sentence_aligner").aligner
    sides = [[sentences(doc) for doc in read_docs(collections / f"{name}.spacy")] for name in ("source", "target")]
    write_json([found._asdict() for found in aligner.pair(*sides)], output)


@app.command()
def annotate(
    collections: Collections,
    pairs: Annotated[Path, typer.Argument(help="File that `pair` wrote.", exists=True)],
    output: Annotated[Path, typer.Argument(help="`.spacy` file of paired target documents.")],
) -> None:
    """Align sentences, align words, and carry the source entities over."""
    nlp = spacy.blank("es")
    for name in ("sentence_aligner", "word_aligner", "span_projector"):
        nlp.add_pipe(name)
    source = list(read_docs(collections / "source.spacy", spacy.blank("en").vocab))
    target = list(read_docs(collections / "target.spacy", nlp.vocab))
    for doc in target:
        doc.ents = []  # the gold entities, which are for `evaluate` only
    chosen = json.loads(pairs.read_text(encoding="utf-8"))
    stream = parallel_stream(nlp, ((source[found["source"]], target[found["target"]]) for found in chosen))
    write_labelled_docs(output, nlp.pipe(stream), file_format="spacy")


@app.command()
def training_data(
    annotated: Annotated[Path, typer.Argument(help="File that `annotate` wrote.", exists=True)],
    output: Annotated[Path, typer.Argument(help="`.spacy` file for `spacy train`.")],
) -> None:
    """Keep the aligned sentences, with their entities, as Docs to train an entity recogniser on.

    A sentence without a translation is left out: that it has no entities is not known.
    """
    vocab = spacy.blank("es").vocab
    save([doc for paired in read_docs(annotated, vocab) for doc in aligned_sentences(paired)], output)


@app.command()
def evaluate(
    collections: Collections,
    annotated: Annotated[Path, typer.Argument(help="File that `annotate` wrote.", exists=True)],
    output: Annotated[Path, typer.Argument(help="JSON file for the figures, in per cent.")],
) -> None:
    """Judge document pairs, beads and entities against what `make` knows."""
    gold = json.loads((collections / "gold.json").read_text(encoding="utf-8"))
    source, target = (list(read_docs(collections / f"{name}.spacy")) for name in ("source", "target"))
    places = [{doc.text: place for place, doc in enumerate(side)} for side in (source, target)]
    by_pair = {(places[0][doc._.source.text], places[1][doc.text]): doc for doc in read_docs(annotated)}
    wanted = {(pair["source"], pair["target"]): pair["beads"].splitlines() for pair in gold}
    right = sorted(set(by_pair) & set(wanted))
    beads = score_beads((SentenceAlignment.from_text(wanted[key]), by_pair[key]._.sentence_alignment) for key in right)
    entities = score_spans(
        (labelled_sentence(target[key[1]]), labelled_sentence(by_pair[key])) for key in right
    ).overall
    figures = {
        "document_pairs": {"gold": len(wanted), "found": len(by_pair), "right": len(right)},
        "beads": {name: round(100 * getattr(beads, name), 1) for name in ("precision", "recall", "f1")},
        "entities": {name: round(100 * getattr(entities, name), 1) for name in ("precision", "recall", "f1")},
    }
    write_json(figures, output)


def tagged(sentence: LabelledSentence) -> list[str]:
    """The words of a sentence with their tags."""
    tags = spans_to_tags(sentence.spans, len(sentence.words))
    return [TaggedWord(word, tag) for word, tag in zip(sentence.words, tags)]


def document(made: list[list[Any]], language: str) -> Doc:
    """A Doc with these sentences of tagged words."""
    words = [word for sentence in made for word in sentence]
    starts = [place == 0 for sentence in made for place in range(len(sentence))]
    doc = Doc(spacy.blank(language).vocab, words=[str(word) for word in words], sent_starts=starts)
    doc.ents = [Span(doc, *span) for span in tags_to_spans([word.tag for word in words])]
    return doc


def sentences(doc: Doc) -> list[list[str]]:
    """The words of each sentence."""
    return [[token.text for token in sentence] for sentence in doc.sents]


def aligned_sentences(doc: Doc) -> Iterator[Doc]:
    """The target side of each bead that has a source side, as a Doc of its own."""
    starts = [sentence.start for sentence in doc.sents] + [len(doc)]
    for bead in doc._.sentence_alignment:
        if all(bead.kind):
            span = doc[starts[bead.target_start] : starts[bead.target_end]]
            yield span.as_doc()


def save(docs: list[Doc], path: Path) -> None:
    """Write Docs without what they were made from."""
    with open_binary_output(path) as stream:
        stream.write(DocBin(docs=docs).to_bytes())


def write_json(content: Any, path: Path) -> None:
    """Write a JSON file whole, or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with open_output(path) as stream:
        stream.write(json.dumps(content, indent=1) + "\n")


if __name__ == "__main__":
    app()
