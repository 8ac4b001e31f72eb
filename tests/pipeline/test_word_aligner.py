"""The word_aligner component: Docs of every kind, batches, training, saving."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import spacy
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from spacy.cli.train import train
from spacy.language import Language
from spacy.tokens import Doc, DocBin
from spacy.training import Example

from spacy_awesome import Parallel, SpacyAwesomeWarning, WordAlignment, parallel
from spacy_awesome.encoders.tokenization import windows
from spacy_awesome.tokens.symmetrization import SYMMETRIZATIONS

EXTRACTIONS = ["softmax", "entmax", "optimal_transport", "argmax", "itermax", "mwmf"]
MakeAligner = Callable[..., Language]
MakeDoc = Callable[..., Doc]
WORDS = "Angela Merkel visited Paris on Monday , the German government said in 1984 !".split()


@pytest.fixture(scope="module")
def nlp(tiny_bert: Path, make_aligner: MakeAligner) -> Language:
    return make_aligner(tiny_bert, layer=2, scale=0.2)


def links(nlp: Language, source: list[str], target: list[str]) -> WordAlignment:
    [alignment] = nlp.get_pipe("word_aligner").align_words([(source, target)])
    return alignment


def test_every_encoder_family_aligns_a_sentence_with_itself(tiny_encoder: Path, make_aligner: MakeAligner) -> None:
    nlp = make_aligner(tiny_encoder, layer=1, extraction="argmax")
    words = "Angela Merkel visited Paris".split()
    assert links(nlp, words, words).to_pharaoh() == "0-0 1-1 2-2 3-3"


@pytest.mark.parametrize("extraction", EXTRACTIONS)
@pytest.mark.parametrize("symmetrization", SYMMETRIZATIONS)
def test_every_extraction_works_with_every_symmetrization(
    tiny_bert: Path, make_aligner: MakeAligner, extraction: str, symmetrization: str
) -> None:
    nlp = make_aligner(tiny_bert, layer=2, extraction=extraction, symmetrization=symmetrization)
    found = links(nlp, WORDS, WORDS[::-1])
    assert (found.source_length, found.target_length) == (len(WORDS), len(WORDS))
    assert len(found) > 0
    assert ((found.scores >= 0) & (found.scores <= 1)).all()


def test_links_and_scores_equal_a_slow_softmax(nlp: Language) -> None:
    target = "Angela Merkel visitó París el lunes".split()
    aligner = nlp.get_pipe("word_aligner")
    encoder = aligner.aligner.encoder
    x, y = encoder.tokenizer([WORDS, target])
    with torch.no_grad():
        h_x, h_y = encoder.encode([x]).values[0], encoder.encode([y]).values[0]
    similarity = 0.2 * h_x @ h_y.T
    forward, backward = similarity.softmax(1), similarity.softmax(0)
    expected: dict[tuple[int, int], float] = {}
    for i in range(len(x.ids)):
        for j in range(len(y.ids)):
            f, b = forward[i, j].item(), backward[i, j].item()
            if f > 0.001 and b > 0.001:
                link = (int(x.words[i]), int(y.words[j]))
                expected[link] = max(expected.get(link, 0), 2 * f * b / (f + b))
    found = links(nlp, WORDS, target)
    assert list(found) == sorted(expected)
    np.testing.assert_allclose(found.scores, [expected[link] for link in found], rtol=1e-4)


def test_similarity_is_the_probability_that_links_are_scored_with(nlp: Language) -> None:
    matrix = nlp.get_pipe("word_aligner").similarity(WORDS, WORDS[:5])
    found = links(nlp, WORDS, WORDS[:5])
    assert matrix.shape == (len(WORDS), 5)
    np.testing.assert_allclose([matrix[link] for link in found], found.scores, rtol=1e-5)


sentences = st.lists(st.sampled_from([*WORDS, "visitó", "París", " ", "😀", "\u200b"]), max_size=12)


@given(pairs=st.lists(st.tuples(sentences, sentences), max_size=8), seed=st.randoms())
@settings(max_examples=10, suppress_health_check=[HealthCheck.function_scoped_fixture])
@pytest.mark.parametrize("extraction", EXTRACTIONS)
def test_results_do_not_depend_on_batch_or_order(
    tiny_bert: Path, make_aligner: MakeAligner, extraction: str, pairs: Any, seed: Any
) -> None:
    config = _batching(tiny_bert, make_aligner, extraction)
    together = list(config["large"].align_words(pairs))
    order = list(range(len(pairs)))
    seed.shuffle(order)
    shuffled = list(config["small"].align_words([pairs[i] for i in order]))
    for place, row in enumerate(order):
        assert together[row] == shuffled[place]
        np.testing.assert_allclose(together[row].scores, shuffled[place].scores, atol=1e-4)


_cache: dict[str, dict[str, Any]] = {}


def _batching(path: Path, make_aligner: MakeAligner, extraction: str) -> dict[str, Any]:
    if extraction not in _cache:
        _cache[extraction] = {}
        for size, budget in (("large", 4096), ("small", 40)):
            nlp = spacy.blank("es")
            model = {"@architectures": "spacy_awesome.HFEncoder.v1", "name": str(path), "layer": 2}
            nlp.add_pipe(
                "word_aligner",
                config={
                    "model": {**model, "max_batch_tokens": budget},
                    "extraction": extraction,
                    "scale": 0.2,
                },
            )
            _cache[extraction][size] = nlp.get_pipe("word_aligner")
    return _cache[extraction]


@pytest.mark.parametrize(
    ("source", "target"),
    [
        ([], []),
        ([], ["Paris"]),
        (["Paris"], []),
        ([" ", "\n"], ["Paris"]),
        (["\u200b"], ["Paris"]),
        (["😀", "🎉"], ["😀"]),
    ],
)
def test_sentences_without_words_to_align_have_valid_alignments(
    nlp: Language, source: list[str], target: list[str]
) -> None:
    found = links(nlp, source, target)
    assert (found.source_length, found.target_length) == (len(source), len(target))


def test_white_space_tokens_are_never_linked(nlp: Language) -> None:
    found = links(nlp, ["Paris", " ", "Berlin"], ["\n", "Paris", "Berlin"])
    assert 1 not in found.pairs[:, 0]
    assert 0 not in found.pairs[:, 1]


def test_a_long_pair_is_aligned_to_its_last_word(tiny_bert: Path, make_aligner: MakeAligner) -> None:
    # 64 positions against some 5,000 tokens: what was cut off could not be linked.
    nlp = make_aligner(tiny_bert, layer=1, extraction="argmax", distortion=1.0)
    words = [f"{word}{number}" for number in range(360) for word in WORDS]
    found = links(nlp, words, words)
    assert len(words) > 5000
    diagonal = sum(i == j for i, j in found)
    assert diagonal > 0.99 * len(words)
    assert max(i for i, _ in found) == len(words) - 1


@pytest.mark.parametrize("extra", [0, 70])
def test_links_of_a_long_pair_come_from_the_window_with_most_context(nlp: Language, extra: int) -> None:
    component = nlp.get_pipe("word_aligner")
    encoder = component.aligner.encoder
    whole = [word for word in WORDS if len(encoder.tokenizer([[word]])[0].ids) == 1]
    # One subword a word, so that windows over subwords can be cut out of the words here.
    source, target = (whole * 60)[:200], (whole[::-1] * 60)[: 200 + extra]
    longest = len(target)
    expected = set()
    for start, end, keep, stop in windows(longest, encoder.window, shared=0.5):
        left, right = start * 200 // longest, -(-end * 200 // longest)
        for i, j in links(nlp, source[left:right], target[start:end]):
            middle = ((left + i) / 200 + (start + j) / longest) / 2
            if keep / longest <= middle < stop / longest:
                expected.add((left + i, start + j))
    assert set(links(nlp, source, target)) == expected
    assert len(expected) > 200


def test_sides_of_very_different_length(nlp: Language) -> None:
    found = links(nlp, ["Paris"], WORDS * 60)
    assert found.target_length == len(WORDS) * 60
    assert list(links(nlp, WORDS * 60, ["Paris"])) == [(i, j) for j, i in sorted(found, key=lambda link: link[1])]


def test_align_takes_docs_and_leaves_them_as_they_were(nlp: Language, make_doc: MakeDoc) -> None:
    source, target = make_doc("Angela Merkel"), make_doc("Angela Merkel")
    [found] = nlp.get_pipe("word_aligner").align([(source, target)])
    assert found.source_length == 2
    assert target.user_data == {}


def test_align_words_is_lazy_and_keeps_order(nlp: Language) -> None:
    read = 0

    def stream() -> Any:
        nonlocal read
        for n in range(5000):
            read += 1
            yield WORDS[: n % 5], WORDS[:3]

    found = nlp.get_pipe("word_aligner").align_words(stream())
    assert read == 0
    first = [next(found) for _ in range(10)]
    assert read < 5000
    assert [alignment.source_length for alignment in first] == [n % 5 for n in range(10)]


def test_distortion_prefers_the_diagonal(tiny_modernbert: Path, make_aligner: MakeAligner) -> None:
    # Without layers this encoder knows no positions: equal words are equally similar.
    words = ["Paris", "Berlin", "Paris", "Berlin"]
    without, distorted = (
        links(make_aligner(tiny_modernbert, layer=0, extraction="argmax", distortion=distortion), words, words)
        for distortion in (0.0, 1.0)
    )
    assert distorted.to_pharaoh() == "0-0 1-1 2-2 3-3"
    assert without.to_pharaoh() != "0-0 1-1 2-2 3-3"


@pytest.mark.parametrize("extraction", EXTRACTIONS)
def test_distortion_lowers_far_links_in_every_extraction(
    tiny_bert: Path, make_aligner: MakeAligner, extraction: str
) -> None:
    def distance(distortion: float) -> float:
        nlp = make_aligner(tiny_bert, layer=2, scale=0.2, extraction=extraction, distortion=distortion)
        pairs = links(nlp, WORDS, WORDS[::-1]).pairs
        return float(np.abs(pairs[:, 0] - pairs[:, 1]).mean())

    assert distance(30.0) < distance(0.0)


def test_threshold_one_links_nothing_and_more_links_come_as_it_falls(
    tiny_bert: Path, make_aligner: MakeAligner
) -> None:
    counts = [
        len(links(make_aligner(tiny_bert, layer=2, scale=0.2, threshold=threshold), WORDS, WORDS))
        for threshold in (1.0, 0.06, 0.001)
    ]
    assert counts[0] == 0
    assert counts[0] < counts[1] < counts[2]


def test_a_doc_without_a_source_stays_unaligned_among_pairs(nlp: Language, make_doc: MakeDoc) -> None:
    docs = list(nlp.pipe([make_doc("Uno", nlp=nlp), parallel(nlp, make_doc("One"), "Uno"), make_doc("Dos", nlp=nlp)]))
    assert [doc._.alignment is None for doc in docs] == [True, False, True]


def test_one_bad_pair_does_not_lose_its_batch(nlp: Language, make_doc: MakeDoc) -> None:
    docs = [parallel(nlp, make_doc("Paris"), "París") for _ in range(3)]
    bad = Parallel(make_doc("x"))
    bad._source, bad._packed_source = None, ("en", b"not a doc")
    docs[1]._.parallel = bad
    failed: list[list[Doc]] = []
    other = nlp.from_config(nlp.config)
    other.set_error_handler(lambda name, proc, docs, error: failed.append(docs))
    done = list(other.get_pipe("word_aligner").pipe(docs))
    assert done == [docs[0], docs[2]]
    assert failed == [[docs[1]]]
    assert all(doc._.alignment is not None for doc in done)


def test_without_an_error_handler_a_bad_pair_raises(nlp: Language, make_doc: MakeDoc) -> None:
    doc = parallel(nlp, make_doc("Paris"), "París")
    bad = Parallel(make_doc("x"))
    bad._source, bad._packed_source = None, ("en", b"not a doc")
    doc._.parallel = bad
    with pytest.raises(ValueError):
        list(nlp.pipe([doc]))


def test_saved_pipeline_needs_the_encoder_folder_no_more(
    tiny_modernbert: Path, make_aligner: MakeAligner, tmp_path: Path
) -> None:
    # A pre-norm encoder cut before its last layer: that it was cut must be saved as well.
    nlp = make_aligner(tiny_modernbert, layer=2)
    before = links(nlp, WORDS, WORDS[::-1])
    nlp.config["components"]["word_aligner"]["model"]["name"] = "/gone"
    nlp.to_disk(tmp_path / "model")
    loaded = spacy.load(tmp_path / "model")
    assert loaded.config["components"]["word_aligner"]["model"]["name"] == "/gone"
    after = links(loaded, WORDS, WORDS[::-1])
    assert before == after
    np.testing.assert_array_equal(before.scores, after.scores)
    again = spacy.blank("es").from_config(loaded.config)
    again.from_bytes(loaded.to_bytes())
    assert links(again, WORDS, WORDS[::-1]) == before


def test_nothing_in_a_saved_pipeline_is_pickled(tiny_bert: Path, make_aligner: MakeAligner, tmp_path: Path) -> None:
    nlp = make_aligner(tiny_bert, layer=2)
    links(nlp, WORDS, WORDS)
    nlp.to_disk(tmp_path)
    assert b"model.safetensors" in (tmp_path / "word_aligner" / "model").read_bytes()
    assert b"PK\x03\x04" not in (tmp_path / "word_aligner" / "model").read_bytes()[:10_000]


def examples(nlp: Language, make_doc: MakeDoc, gold: str | None = None) -> list[Example]:
    found = []
    for source, target in (
        ("Angela Merkel visited Paris", "Angela Merkel visitó París"),
        ("Obama met Merkel", "Merkel traf Obama"),
    ):
        predicted = parallel(nlp, make_doc(source), target.split())
        reference = parallel(nlp, make_doc(source), target.split())
        if gold is not None:
            lengths = {"source_length": len(source.split()), "target_length": len(target.split())}
            reference._.parallel.alignment = WordAlignment.from_pharaoh(gold, **lengths)
        found.append(Example(predicted, reference))
    return found


@pytest.mark.parametrize(("objective", "recall"), [("self_training", 0.6), ("cross_entropy", 1.0)])
def test_training_towards_given_links_finds_them(
    tiny_bert: Path, make_aligner: MakeAligner, make_doc: MakeDoc, objective: str, recall: float
) -> None:
    nlp = make_aligner(tiny_bert, layer=2, scale=0.1, threshold=0.3, objectives={objective: 1.0})
    batch = examples(nlp, make_doc, gold="0-2 1-1 2-0")
    optimizer = nlp.initialize(lambda: batch)
    optimizer.learn_rate = 0.003
    before = nlp.evaluate(batch)["alignment_recall"]
    losses = [nlp.update(batch, sgd=optimizer)["word_aligner"] for _ in range(60)]
    assert losses[-1] < losses[0]
    # Self-training's gradient is small where a wanted link is still improbable; cross-entropy's is not.
    assert nlp.evaluate(batch)["alignment_recall"] >= recall > before


def test_self_training_makes_its_own_links_more_probable(
    tiny_bert: Path, make_aligner: MakeAligner, make_doc: MakeDoc
) -> None:
    # Below this threshold all subwords are linked, and nothing can become more probable.
    nlp = make_aligner(tiny_bert, layer=2, scale=0.1, threshold=0.2)
    batch = examples(nlp, make_doc)
    optimizer = nlp.initialize(lambda: batch)

    def probability() -> float:
        pairs = [(example.predicted._.parallel.source, example.predicted) for example in batch]
        return float(np.concatenate([found.scores for found in nlp.get_pipe("word_aligner").align(pairs)]).mean())

    before = probability()
    # The loss itself may rise at first, when links that were barely above the threshold are given up.
    for _ in range(25):
        nlp.update(batch, sgd=optimizer)
    assert probability() > before + 0.05


def test_objectives_are_those_given_and_no_more(tiny_bert: Path, make_aligner: MakeAligner) -> None:
    # spaCy merges dictionaries of defaults with what a user gives.
    assert make_aligner(tiny_bert).get_pipe("word_aligner").objectives == {"self_training": 1.0}
    given = make_aligner(tiny_bert, objectives={"cross_entropy": 1.0}).get_pipe("word_aligner")
    assert given.objectives == {"cross_entropy": 1.0}


def test_cross_entropy_without_links_says_that_nothing_is_learnt(
    tiny_bert: Path, make_aligner: MakeAligner, make_doc: MakeDoc
) -> None:
    nlp = make_aligner(tiny_bert, objectives={"cross_entropy": 1.0})
    batch = examples(nlp, make_doc)
    nlp.initialize(lambda: batch)
    with pytest.warns(SpacyAwesomeWarning) as given:
        nlp.update(batch)
        nlp.update(batch)
    assert [str(warning.message) for warning in given] == [
        "[SA04] word_aligner: no example of this batch has links to learn from; give the corpus reader `links`. "
        "(This warning is given once.)"
    ]


def unpaired_examples(nlp: Language, batch: list[Example]) -> list[Example]:
    """The same as spaCy's own reader makes them: the predicted Doc is a new one, without its source."""
    return [Example(Doc(nlp.vocab, words=[t.text for t in e.reference]), e.reference) for e in batch]


def test_training_without_any_pair_names_the_reader_to_use(
    tiny_bert: Path, make_aligner: MakeAligner, make_doc: MakeDoc
) -> None:
    nlp = make_aligner(tiny_bert)
    plain = [Example(make_doc("Uno", nlp=nlp), make_doc("Uno", nlp=nlp))]
    nlp.initialize(lambda: plain)
    with pytest.raises(ValueError, match=r"word_aligner: expected examples with a source .*ParallelCorpus\.v1.*frozen"):
        nlp.update(plain)
    with pytest.raises(ValueError, match=r"the reference has one.*ParallelCorpus\.v1"):
        nlp.update(unpaired_examples(nlp, examples(nlp, make_doc)))
    # After a pair was met, a batch may be of other data.
    nlp.update(examples(nlp, make_doc))
    assert nlp.update(plain)["word_aligner"] == 0


@pytest.mark.parametrize("paired", [True, False])
def test_a_training_run_by_spacys_own_reader_ends_in_an_error(
    tiny_bert: Path, make_aligner: MakeAligner, make_doc: MakeDoc, tmp_path: Path, paired: bool
) -> None:
    nlp = make_aligner(tiny_bert)
    docs = [parallel(nlp, make_doc("One"), "Uno") if paired else make_doc("Uno", nlp=nlp) for _ in range(3)]
    DocBin(docs=docs, store_user_data=True).to_disk(tmp_path / "train.spacy")
    nlp.config.to_disk(tmp_path / "config.cfg")
    paths = {name: str(tmp_path / "train.spacy") for name in ("paths.train", "paths.dev")}
    with pytest.raises(ValueError, match=r"spacy_awesome\.ParallelCorpus\.v1"):
        train(tmp_path / "config.cfg", tmp_path / "out", overrides={**paths, "training.max_steps": 2})
    assert not (tmp_path / "out" / "model-best").exists()


@pytest.mark.parametrize("scored", ["word_aligner", "sentence_aligner", "span_projector"])
def test_scoring_docs_whose_reader_lost_the_source_names_the_reader(
    tiny_bert: Path, make_aligner: MakeAligner, make_doc: MakeDoc, scored: str
) -> None:
    nlp = make_aligner(tiny_bert)
    if scored != "word_aligner":
        model = {"@architectures": "spacy_awesome.HFEncoder.v1", "name": str(tiny_bert)}
        nlp.add_pipe(scored, config={"model": model} if scored == "sentence_aligner" else {})
        nlp.remove_pipe("word_aligner")
    with pytest.raises(ValueError, match=r"the reference has one.*ParallelCorpus\.v1"):
        nlp.evaluate(unpaired_examples(nlp, examples(nlp, make_doc)))


@pytest.mark.parametrize("objective", ["self_training", "cross_entropy"])
def test_gradients_do_not_depend_on_the_token_budget(tiny_bert: Path, make_doc: MakeDoc, objective: str) -> None:
    gradients = []
    for budget in (30, 4096):
        nlp = spacy.blank("es")
        model = {"@architectures": "spacy_awesome.HFEncoder.v1", "name": str(tiny_bert), "max_batch_tokens": budget}
        nlp.add_pipe("word_aligner", config={"model": model, "objectives": {objective: 1.0}, "scale": 0.1})
        batch = examples(nlp, make_doc, gold="0-2 1-1 2-0")
        nlp.initialize(lambda batch=batch: batch)
        component = nlp.get_pipe("word_aligner")
        component.update(batch)
        parameters = component.aligner.encoder.named_parameters()
        gradients.append({name: p.grad for name, p in parameters if p.grad is not None})
    assert gradients[0].keys() == gradients[1].keys()
    assert len(gradients[0]) > 10
    for name, gradient in gradients[0].items():
        torch.testing.assert_close(gradient, gradients[1][name], atol=1e-5, rtol=1e-3)


def test_dropout_rate_reaches_attention_too(tiny_bert: Path, make_aligner: MakeAligner, make_doc: MakeDoc) -> None:
    nlp = make_aligner(tiny_bert, layer=2, scale=0.1, threshold=0.2)
    batch = examples(nlp, make_doc)
    nlp.initialize(lambda: batch)
    component = nlp.get_pipe("word_aligner")
    assert len({component.update(batch, drop=0.0)["word_aligner"] for _ in range(3)}) == 1
    assert len({component.update(batch, drop=0.3)["word_aligner"] for _ in range(3)}) == 3


def test_encoder_is_in_prediction_mode_after_a_failed_update(
    tiny_bert: Path, make_aligner: MakeAligner, make_doc: MakeDoc, monkeypatch: pytest.MonkeyPatch
) -> None:
    nlp = make_aligner(tiny_bert, layer=2)
    batch = examples(nlp, make_doc)
    component = nlp.get_pipe("word_aligner")
    monkeypatch.setattr("spacy_awesome.pipeline.word_aligner.training_losses", lambda *args, **options: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        component.update(batch)
    assert not component.aligner.encoder.training


def test_links_over_other_words_are_refused(nlp: Language, make_doc: MakeDoc) -> None:
    predicted = parallel(nlp, make_doc("Angela Merkel"), ["Angela", "Merkel"])
    reference = parallel(nlp, make_doc("Angela Merkel"), ["Angela Merkel"])
    reference._.parallel.alignment = WordAlignment.from_pharaoh("0-0 1-0", source_length=2, target_length=1)
    example = Example(predicted, reference)
    for use in (nlp.get_pipe("word_aligner").update, nlp.evaluate):
        with pytest.raises(ValueError, match="over 2 source and 1 target words, but the Docs .* have 2 and 2 tokens"):
            use([example])


def test_several_threads_share_a_cut_encoder(tiny_modernbert: Path, make_aligner: MakeAligner) -> None:
    component = make_aligner(tiny_modernbert, layer=2).get_pipe("word_aligner")
    pairs = [(WORDS[: 3 + n], WORDS[n:]) for n in range(6)]
    alone = [next(component.align_words([pair])) for pair in pairs]
    with ThreadPoolExecutor(4) as pool:
        for _ in range(5):
            assert list(pool.map(lambda pair: next(component.align_words([pair])), pairs)) == alone


def test_batch_tokens_can_be_changed_when_a_saved_pipeline_is_loaded(
    tiny_bert: Path, make_aligner: MakeAligner, tmp_path: Path
) -> None:
    make_aligner(tiny_bert, layer=2).to_disk(tmp_path)
    loaded = spacy.load(tmp_path, config={"components": {"word_aligner": {"model": {"max_batch_tokens": 77}}}})
    assert loaded.get_pipe("word_aligner").aligner.max_batch_tokens == 77


def test_thinc_model_gives_the_vectors_and_takes_their_gradient(tiny_bert: Path, make_aligner: MakeAligner) -> None:
    component = make_aligner(tiny_bert, layer=2).get_pipe("word_aligner")
    encoder = component.aligner.encoder
    sentences = [WORDS, WORDS[:2]]
    vectors = component.model.predict(sentences)
    expected = encoder.encode(encoder.tokenizer(sentences))
    for row, (found, subwords) in enumerate(zip(vectors, encoder.tokenizer(sentences))):
        torch.testing.assert_close(torch.from_numpy(found), expected.values[row, : len(subwords.ids)].detach())
    assert component.model.predict([]) == []
    found, backprop = component.model.begin_update(sentences)
    backprop([np.ones_like(rows) for rows in found])
    gradient = encoder.transformer.embeddings.word_embeddings.weight.grad.clone()
    encoder.zero_grad()
    again = encoder.encode(encoder.tokenizer(sentences))
    again.values[again.mask].sum().backward()
    torch.testing.assert_close(encoder.transformer.embeddings.word_embeddings.weight.grad, gradient)


def test_pickled_weights_are_never_read(tiny_bert: Path, make_aligner: MakeAligner, tmp_path: Path) -> None:
    for path in tiny_bert.iterdir():
        if path.suffix == ".json":
            (tmp_path / path.name).write_bytes(path.read_bytes())
    torch.save({}, tmp_path / "pytorch_model.bin")
    with pytest.raises(ValueError, match=r"expected model\.safetensors\. Pickled weights .* never read"):
        links(make_aligner(tmp_path), WORDS, WORDS)


def test_training_is_refused_in_half_precision(tiny_bert: Path, make_doc: MakeDoc) -> None:
    nlp = spacy.blank("es")
    model = {"@architectures": "spacy_awesome.HFEncoder.v1", "name": str(tiny_bert), "precision": "bfloat16"}
    nlp.add_pipe("word_aligner", config={"model": model})
    batch = examples(nlp, make_doc)
    optimizer = nlp.initialize(lambda: batch)
    with pytest.raises(ValueError, match="needs weights in float32, got bfloat16"):
        nlp.update(batch, sgd=optimizer)


def test_scores_are_none_without_gold_links(nlp: Language, make_doc: MakeDoc) -> None:
    assert nlp.evaluate(examples(nlp, make_doc))["alignment_aer"] is None


@pytest.mark.parametrize(
    ("config", "message"),
    [
        ({"symmetrization": "both"}, "symmetrization to be one of: intersection.*, got 'both'"),
        ({"objectives": {"guessing": 1.0}}, "Unknown training objective 'guessing'"),
        ({"objectives": {"self_training": -1.0}}, "weights of 0 or more"),
        ({"model": {"precision": "int3"}}, "'int3' is not .*float32.*bfloat16.*float16"),
        ({"scale": 0.0}, "scale to be a finite number above 0"),
        ({"distortion": -1.0}, "distortion to be a finite number of 0"),
        ({"threshold": 1.5}, "threshold to be a number from 0 to 1"),
        ({"model": {"max_batch_tokens": 0}}, "max_batch_tokens of at least 1"),
    ],
)
def test_wrong_settings_are_refused_when_the_component_is_added(config: dict[str, Any], message: str) -> None:
    model = {"@architectures": "spacy_awesome.HFEncoder.v1", **config.pop("model", {})}
    with pytest.raises(ValueError, match=message):
        spacy.blank("es").add_pipe("word_aligner", config={"model": model, **config})


def test_unknown_encoder_is_an_error_of_initialize() -> None:
    nlp = spacy.blank("es")
    model = {"@architectures": "spacy_awesome.HFEncoder.v1", "name": "/no/such/folder"}
    nlp.add_pipe("word_aligner", config={"model": model})
    with pytest.raises(ValueError, match="Could not load the encoder '/no/such/folder'"):
        nlp.initialize(list)
