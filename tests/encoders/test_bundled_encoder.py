"""The encoder that comes with the package."""

from __future__ import annotations

from pathlib import Path

import pytest
import spacy
import torch
from spacy.tokens import Doc
from transformers import AutoModel, AutoTokenizer

from spacy_awesome import WordAlignment, parallel
from spacy_awesome.encoders.loading import BUNDLED, encoder_defaults
from spacy_awesome.evaluation.alignments import score_links
from spacy_awesome.formats.conll import read_conll
from spacy_awesome.formats.pharaoh import read_links


def test_its_files_stay_under_25_megabytes() -> None:
    assert sum(file.stat().st_size for file in BUNDLED.iterdir()) < 25_000_000


def test_the_auto_classes_load_every_weight() -> None:
    model, report = AutoModel.from_pretrained(BUNDLED, output_loading_info=True)
    assert not report["missing_keys"]
    assert not report["unexpected_keys"]
    assert all(torch.isfinite(weight).all() for weight in model.parameters())
    assert encoder_defaults(model.config).layer == model.config.num_hidden_layers


@pytest.mark.parametrize("word", ["😀", "東京", "Σωκράτης", "Ж", "1.234,5", "l'Union"])
def test_every_word_has_subwords_and_none_is_unknown(word: str) -> None:
    tokenizer = AutoTokenizer.from_pretrained(BUNDLED)
    ids = tokenizer(word, add_special_tokens=False)["input_ids"]
    assert ids
    assert tokenizer.unk_token_id not in ids


@pytest.mark.parametrize(
    ("language", "target", "links"),
    [
        ("es", "Tom compró dos libros el lunes .", {(0, 0), (1, 1), (2, 2), (3, 3), (5, 5), (6, 6)}),
        ("de", "Am Montag kaufte Tom zwei Bücher .", {(0, 3), (1, 2), (2, 4), (3, 5), (4, 0), (5, 1), (6, 6)}),
        ("nl", "Tom kocht maandag twee boeken .", {(0, 0), (1, 1), (2, 3), (3, 4), (5, 2), (6, 5)}),
        ("it", "Lunedì Tom ha comprato due libri .", {(0, 1), (1, 3), (2, 4), (3, 5), (5, 0), (6, 6)}),
        ("fr", "Tom a acheté deux livres lundi .", {(0, 0), (1, 2), (2, 3), (3, 4), (5, 5), (6, 6)}),
        ("pt", "Tom comprou dois livros na segunda-feira .", {(0, 0), (1, 1), (2, 2), (3, 3), (5, 5), (6, 6)}),
    ],
)
def test_it_aligns_a_simple_sentence_in_every_language(language: str, target: str, links: set[tuple[int, int]]) -> None:
    nlp = spacy.blank(language)
    nlp.add_pipe("word_aligner")
    source = Doc(nlp.vocab, words="Tom bought two books on Monday .".split())
    doc = nlp(parallel(nlp, source, Doc(nlp.vocab, words=target.split())))
    assert links <= set(doc._.alignment)


def test_it_links_an_invented_name_to_itself() -> None:
    nlp = spacy.blank("de")
    nlp.add_pipe("word_aligner")
    source = Doc(nlp.vocab, words="Yesterday Zworykalb visited Kremposta .".split())
    target = Doc(nlp.vocab, words="Gestern besuchte Zworykalb Kremposta .".split())
    assert {(1, 2), (3, 3)} <= set(nlp(parallel(nlp, source, target))._.alignment)


def test_a_document_is_aligned_nearly_as_well_as_its_sentences() -> None:
    folder = Path(__file__).parents[2] / "assets" / "sample" / "en-nl"
    component = spacy.blank("xx").add_pipe("word_aligner")
    sentences = list(zip(read_conll(folder / "source.conll"), read_conll(folder / "target.conll")))
    gold_lines = list(read_links(folder / "links.pharaoh", pairs=[(x.words, y.words) for x, y in sentences]))
    apart = score_links(zip(gold_lines, component.align_words((x.words, y.words) for x, y in sentences)))
    source, target, gold = [], [], []
    for (x, y), links in zip(sentences, gold_lines):
        gold += [(i + len(source), j + len(target)) for i, j in links]
        source += x.words
        target += y.words
    whole = WordAlignment(gold, source_length=len(source), target_length=len(target))
    [together] = component.align_words([(source, target)])
    assert score_links([(whole, together)]).f1 > apart.f1 - 0.08
