"""Documents made from real parallel sentences. Needs SPACY_AWESOME_DATA."""

from __future__ import annotations

import os
from itertools import islice
from pathlib import Path

import pytest
import spacy
from spacy.tokens import Doc

from recipe.synthetic_documents import Words, make_document
from spacy_awesome import WordAlignment, parallel
from spacy_awesome.evaluation.alignments import score_beads, score_links
from spacy_awesome.formats.files import read_lines
from spacy_awesome.tokens.word_alignment import WordPair

DATA = os.environ.get("SPACY_AWESOME_DATA", "")
pytestmark = pytest.mark.skipif(not DATA, reason="SPACY_AWESOME_DATA is not set")


def newstest(language: str, count: int) -> list[WordPair]:
    """The first sentence pairs of newstest 2013, tokenised by the blank pipelines."""
    source, target = spacy.blank("en"), spacy.blank(language)
    rows = (line.split("\t") for line in read_lines(Path(DATA) / "parallel" / "merged" / f"en-{language}.tsv.gz"))
    chosen = islice((row for row in rows if row[0] == "wmt-newstest2013"), count)
    return [([token.text for token in source(x)], [token.text for token in target(y)]) for _, x, y in chosen]


def document(sentences: list[Words], nlp: spacy.Language) -> Doc:
    words = [word for sentence in sentences for word in sentence]
    return Doc(nlp.vocab, words=words, sent_starts=[i == 0 for sentence in sentences for i in range(len(sentence))])


@pytest.mark.parametrize("paragraph", [None, 10], ids=["in order", "shuffled paragraphs"])
def test_beads_of_joined_split_dropped_inserted_sentences(paragraph: int | None) -> None:
    found = []
    for seed, language in enumerate(["es", "de", "fr"]):
        pairs = newstest(language, 140)
        nlp = spacy.blank(language)
        nlp.add_pipe("sentence_aligner", config={"monotone": paragraph is None})
        made = make_document(pairs[:120], seed=seed, foreign=pairs[120:], paragraph=paragraph)
        doc = nlp(parallel(nlp, document(made.source, spacy.blank("en")), document(made.target, nlp)))
        found.append((made.alignment, doc._.sentence_alignment))
    assert score_beads(found).f1 >= 0.95


@pytest.mark.parametrize("language", ["es", "nl"])
def test_words_of_a_document_are_aligned_as_well_as_those_of_its_sentences(language: str) -> None:
    lines = list(read_lines(Path(DATA) / "alignment" / "xl-wa" / language / "dev.tsv"))
    rows = [(source.split(" "), target.split(" "), links) for source, target, links in (x.split("\t") for x in lines)]
    gold = [WordAlignment.from_pharaoh(row[2]) for row in rows]
    nlp = spacy.blank(language)
    nlp.add_pipe("sentence_aligner")
    aligner = nlp.add_pipe("word_aligner")
    source, target = ([row[side] for row in rows] for side in (0, 1))
    doc = nlp(parallel(nlp, document(source, spacy.blank("en")), document(target, nlp)))
    offsets = [(sum(map(len, source[:place])), sum(map(len, target[:place]))) for place in range(len(rows))]
    links = [(s + i, t + j) for (s, t), alignment in zip(offsets, gold) for i, j in alignment]
    whole = WordAlignment(links, source_length=len(doc._.source), target_length=len(doc))
    sentences = score_links(zip(gold, aligner.align_words((x, y) for x, y, _ in rows)))
    assert score_links([(whole, doc._.alignment)]).aer <= sentences.aer + 0.01
