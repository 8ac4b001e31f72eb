"""Sentence beads and word links of documents that are made from parallel sentences, with the bundled encoder.

    python benchmarks/documents.py beads DATA      strict bead F1 of newstest lines: joined, split, dropped, inserted
    python benchmarks/documents.py links DATA      word links: XL-WA dev sentences one by one, and joined to documents
    python benchmarks/documents.py growth DATA     time and memory of both aligners, by length

DATA is the folder behind SPACY_AWESOME_DATA.
"""

from __future__ import annotations

import resource
import time
from pathlib import Path
from typing import Annotated

import spacy
import typer
from spacy.tokens import Doc

from recipe.synthetic_documents import Changes, Words, make_document
from spacy_awesome import WordAlignment, parallel
from spacy_awesome.evaluation.alignments import score_beads, score_links
from spacy_awesome.formats.files import read_lines
from spacy_awesome.tokens.word_alignment import WordPair

app = typer.Typer(help=__doc__, no_args_is_help=True)
Data = Annotated[Path, typer.Argument(exists=True)]

# Not the years that the settings were fitted with (docs/documents.md).
TEST_SETS = {"es": "wmt-newstest2013", "de": "wmt-newstest2013", "fr": "wmt-newstest2013"}
PLAIN = Changes()
HARD = Changes(joined=0.15, shifted=0.05, split=0.08, dropped=0.1, inserted=0.1)


@app.command()
def beads(data: Data) -> None:
    """Strict bead F1 of documents of 100 lines."""
    kinds = {
        "defaults": (PLAIN, None, True),
        "many changes": (HARD, None, True),
        "paragraphs of 10 beads shuffled": (PLAIN, 10, False),
        "paragraphs of 5 beads shuffled": (PLAIN, 5, False),
        "not shuffled, monotone=False": (PLAIN, None, False),
    }
    for name, (changes, paragraph, monotone) in kinds.items():
        figures = []
        for language, corpus in TEST_SETS.items():
            pairs = newstest(data, language, corpus)
            nlp = pipeline(language, monotone=monotone, words=False)
            found = []
            for seed, start in enumerate(range(0, 500, 100)):
                made = make_document(
                    pairs[start : start + 100], seed=seed, changes=changes, foreign=pairs[1500:], paragraph=paragraph
                )
                doc = nlp(parallel(nlp, document(made.source, "en"), document(made.target, language, nlp)))
                found.append((made.alignment, doc._.sentence_alignment))
            figures.append(f"{language} {100 * score_beads(found).f1:.1f}")
        print(f"{name}: {', '.join(figures)}", flush=True)


@app.command()
def links(data: Data) -> None:
    """Word link F1 and AER on XL-WA dev, as sentences and as documents."""
    for language in ("es", "nl"):
        rows = [line.split("\t") for line in read_lines(data / "alignment" / "xl-wa" / language / "dev.tsv")]
        pairs = [(source.split(" "), target.split(" ")) for source, target, _ in rows]
        gold = [WordAlignment.from_pharaoh(line) for _, _, line in rows]
        for size, aligned in ((1, False), (20, True), (100, True), (20, False), (100, False)):
            nlp = pipeline(language, sentences=aligned)
            found = []
            for start in range(0, len(pairs), size):
                source, target = ([pair[side] for pair in pairs[start : start + size]] for side in (0, 1))
                doc = nlp(parallel(nlp, document(source, "en"), document(target, language, nlp)))
                found.append((joined(gold[start : start + size], source, target), doc._.alignment))
            scores = score_links(found)
            how = "sentences" if size == 1 else f"texts of {size}, {'with' if aligned else 'without'} sentence_aligner"
            print(f"{language} {how}: F1 {100 * scores.f1:.1f}, AER {100 * scores.aer:.1f}", flush=True)


@app.command()
def growth(data: Data) -> None:
    """Seconds and peak memory by length; the lengths rise, so that each peak is its own."""
    pairs = newstest(data, "es", TEST_SETS["es"])
    nlp = pipeline("es")
    for size in (100, 200, 400, 800, 1600):
        made = make_document((pairs * 2)[:size], seed=0, foreign=pairs[2000:])
        target = parallel(nlp, document(made.source, "en"), document(made.target, "es", nlp))
        steps = []
        for name in nlp.pipe_names:
            start = time.perf_counter()
            target = nlp.get_pipe(name)(target)
            steps.append(f"{name} {time.perf_counter() - start:.1f} s")
        memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        print(f"{len(target._.source)} source tokens: {', '.join(steps)}, peak {memory:.0f} MB", flush=True)


def pipeline(language: str, *, sentences: bool = True, monotone: bool = True, words: bool = True) -> spacy.Language:
    """A blank pipeline with one or both aligners."""
    nlp = spacy.blank(language)
    if sentences:
        nlp.add_pipe("sentence_aligner", config={"monotone": monotone})
    if words:
        nlp.add_pipe("word_aligner")
    return nlp


def newstest(data: Path, language: str, corpus: str) -> list[WordPair]:
    """Sentence pairs of one corpus, tokenised by the blank pipelines of both languages."""
    source, target = spacy.blank("en"), spacy.blank(language)
    rows = (line.split("\t") for line in read_lines(data / "parallel" / "merged" / f"en-{language}.tsv.gz"))
    return [
        ([token.text for token in source(row[1])], [token.text for token in target(row[2])])
        for row in rows
        if row[0] == corpus
    ]


def document(sentences: list[Words], language: str, nlp: spacy.Language | None = None) -> Doc:
    """A Doc with these sentences."""
    words = [word for sentence in sentences for word in sentence]
    starts = [place == 0 for sentence in sentences for place in range(len(sentence))]
    return Doc((nlp or spacy.blank(language)).vocab, words=words, sent_starts=starts)


def joined(gold: list[WordAlignment], source: list[Words], target: list[Words]) -> WordAlignment:
    """The links of some sentences, over the words of all of them."""
    links = []
    s = t = 0
    for alignment, x, y in zip(gold, source, target):
        links += [(s + i, t + j) for i, j in alignment]
        s, t = s + len(x), t + len(y)
    return WordAlignment(links, source_length=s, target_length=t)


if __name__ == "__main__":
    app()
