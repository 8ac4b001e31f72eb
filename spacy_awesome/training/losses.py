"""The weighted objectives of a batch of pairs: one run of the encoder for each distinct input."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Final

import torch
from torch import Tensor

from spacy_awesome.encoders.batching import batches_by_length
from spacy_awesome.extraction.softmax import softmax_probabilities
from spacy_awesome.training.contrastive_batch import CONTRASTIVE_OBJECTIVES, in_batch_loss
from spacy_awesome.training.masked_inputs import NO_ANSWER, masked_inputs
from spacy_awesome.training.objectives.consistency import consistency_loss
from spacy_awesome.training.objectives.contrastive import TEMPERATURE
from spacy_awesome.training.objectives.cross_entropy import alignment_cross_entropy
from spacy_awesome.training.objectives.masked_lm import masked_lm_loss
from spacy_awesome.training.objectives.parallel_identification import parallel_identification_loss
from spacy_awesome.training.objectives.self_training import self_training_loss
from spacy_awesome.training.parallel_inputs import parallel_inputs

if TYPE_CHECKING:
    from spacy_awesome.aligner import PairAligner
    from spacy_awesome.alignment import WordAlignment
    from spacy_awesome.encoders.encoder import Vectors
    from spacy_awesome.encoders.tokenization import Ids, Subwords

    Pairs = Sequence[tuple[Subwords, Subwords]]
    Gold = Sequence[WordAlignment | None]

LINK_OBJECTIVES: Final = ("self_training", "consistency", "cross_entropy")
LANGUAGE_MODEL_OBJECTIVES: Final = ("masked_lm", "translation_lm")
PARALLEL_OBJECTIVE: Final = "parallel_identification"
OBJECTIVES: Final = (*LINK_OBJECTIVES, *LANGUAGE_MODEL_OBJECTIVES, PARALLEL_OBJECTIVE, *CONTRASTIVE_OBJECTIVES)


def check_objectives(weights: Mapping[str, float]) -> None:
    """Raise ValueError unless every objective is known, no weight is negative, and one is above 0."""
    unknown = sorted(set(weights) - set(OBJECTIVES))
    if unknown:
        raise ValueError(f"Unknown training objective {unknown[0]!r}; expected some of: {', '.join(OBJECTIVES)}.")
    if any(weight < 0 for weight in weights.values()) or not any(weights.values()):
        raise ValueError(f"Expected objectives with weights of 0 or more, one of them above 0; got {dict(weights)}.")


def training_losses(
    aligner: PairAligner,
    pairs: Pairs,
    gold: Gold,
    weights: Mapping[str, float],
    *,
    generator: torch.Generator,
    dropout: bool,
    temperature: float = TEMPERATURE,
) -> Iterator[Tensor]:
    """The weighted objectives, one sum over pairs for each run of the encoder; an objective of weight 0 costs nothing.

    Go backward through each loss before the next is asked for: only one run's activations are then held at a time.

    aligner: with its encoder in training mode; it is left so.
    pairs: subwords of both sides. Pairs with an empty side are left out.
    gold: known links of each pair, or None. They take the place of the model's own links in self-training;
        cross-entropy uses no other pairs.
    generator: what masks and mismatched pairs are drawn from, for all pairs at once: it does not matter for them how
        the pairs are split into runs.
    dropout: whether the encoder drops anything. If not, self-training reads its links off the run that it trains.
    temperature: τ of the contrastive objectives.
    """
    kept = [row for row, (x, y) in enumerate(pairs) if len(x.ids) and len(y.ids)]
    pairs, gold = [pairs[row] for row in kept], [gold[row] for row in kept]
    if not pairs:
        return
    if any(weights.get(name) for name in CONTRASTIVE_OBJECTIVES):
        yield _contrastive_and_alignment_loss(aligner, pairs, gold, weights, dropout=dropout, temperature=temperature)
    elif any(weights.get(name) for name in LINK_OBJECTIVES):
        for rows in aligner.batches(pairs):
            part = [pairs[row] for row in rows], [gold[row] for row in rows]
            yield alignment_loss(aligner, *part, weights, dropout=dropout)
    if any(weights.get(name) for name in LANGUAGE_MODEL_OBJECTIVES):
        yield from _language_model_losses(aligner, pairs, weights, generator)
    if weight := weights.get(PARALLEL_OBJECTIVE):
        for loss in _parallel_losses(aligner, pairs, generator):
            yield weight * loss


def _contrastive_and_alignment_loss(
    aligner: PairAligner,
    pairs: Pairs,
    gold: Gold,
    weights: Mapping[str, float],
    *,
    dropout: bool,
    temperature: float,
) -> Tensor:
    """Contrastive objectives compare all pairs, so all vectors are there at once, for the link objectives too."""
    batches = list(aligner.batches(pairs))
    vectors = [aligner.encode([pairs[row] for row in rows]) for rows in batches]
    ordered = [pairs[row] for rows in batches for row in rows]
    loss = in_batch_loss(aligner, ordered, vectors, weights, temperature=temperature)
    for rows, both in zip(batches, vectors):
        part = [pairs[row] for row in rows], [gold[row] for row in rows]
        loss = loss + alignment_loss(aligner, *part, weights, dropout=dropout, vectors=both)
    return loss


def alignment_loss(
    aligner: PairAligner,
    pairs: Pairs,
    gold: Gold,
    weights: Mapping[str, float],
    *,
    dropout: bool = True,
    vectors: tuple[Vectors, Vectors] | None = None,
) -> Tensor:
    """Self-training, consistency and cross-entropy from one run of the encoder, weighted and summed over the pairs.

    pairs: subwords of both sides, none of them empty. Other arguments as in `training_losses`.
    vectors: of source and target sentences, where the encoder was run already.
    Without gradient, and 0, if nothing in the batch can be trained: the encoder is then not run.
    """
    known = [links is not None for links in gold]
    so, co = weights.get("self_training"), weights.get("consistency")
    ce = weights.get("cross_entropy") if any(known) else None
    if not (so or co or ce):
        return torch.zeros(())
    guide = None
    if so and dropout and not all(known):
        # Before the run with gradient, so that its memory is free again.
        guide = _own_links(aligner, pairs)
    source, target = aligner.encode(pairs) if vectors is None else vectors
    logits = aligner.logits(source, target)
    loss = logits.new_zeros(())
    if so or co:
        forward, backward = softmax_probabilities(logits, source.mask, target.mask)
    if so:
        if guide is None:
            guide = _confident(aligner, source, target)
        links = _replace_known(guide, gold, pairs, source, target) if any(known) else guide
        loss = loss + so * self_training_loss(forward, backward, links, source.mask, target.mask).sum()
    if co:
        loss = loss + co * consistency_loss(forward, backward, source.mask, target.mask).sum()
    if ce:
        matrix = _word_matrix(gold, pairs).to(logits.device)
        losses = alignment_cross_entropy(logits, matrix, _marked_words(source), _marked_words(target))
        loss = loss + ce * losses.sum()
    return loss


def _language_model_losses(
    aligner: PairAligner, pairs: Pairs, weights: Mapping[str, float], generator: torch.Generator
) -> Iterator[Tensor]:
    encoder = aligner.encoder
    if encoder.language_model is None:
        raise ValueError(
            "masked_lm and translation_lm need a language model, and the encoder was loaded without; "
            "name them in the component's config, before the encoder is loaded."
        )
    data = masked_inputs(encoder, pairs, weights, generator)
    masked, shares = data.masked.to(encoder.device), data.weights.to(encoder.device)
    for rows, ids, attention in _runs(aligner, [item.ids for item in data.inputs]):
        answers, _ = encoder.pad([data.inputs[row].answers for row in rows], NO_ANSWER)
        chosen = answers != NO_ANSWER
        sentences = torch.tensor([data.inputs[row].sentence for row in rows], device=encoder.device)
        with encoder.arithmetic():
            logits = encoder.language_model(ids, attention, chosen)
        owners = sentences[:, None].expand_as(chosen)[chosen]
        yield (shares * masked_lm_loss(logits.float(), answers[chosen], owners, masked)).sum()


def _parallel_losses(aligner: PairAligner, pairs: Pairs, generator: torch.Generator) -> Iterator[Tensor]:
    encoder = aligner.encoder
    if encoder.parallel_head is None or not len(encoder.tokenizer.prefix):
        raise ValueError(
            "parallel_identification needs a tokenizer that puts a special token first, and an encoder loaded with its "
            "head; name it in the component's config, before the encoder is loaded."
        )
    inputs, labels = parallel_inputs(encoder, pairs, generator)
    for rows, ids, attention in _runs(aligner, inputs):
        scores = encoder.parallel_head(encoder(ids, attention)[:, 0])
        yield parallel_identification_loss(scores.float(), labels[rows].to(scores.device)).sum()


def _runs(aligner: PairAligner, inputs: Sequence[Ids]) -> Iterator[tuple[list[int], Tensor, Tensor]]:
    """Rows, padded ids and attention mask of inputs of like length, within the token budget."""
    lengths = [len(ids) for ids in inputs]
    for rows in batches_by_length(lengths, lambda count, width: count * width <= aligner.max_batch_tokens):
        yield rows, *aligner.encoder.pad([inputs[row] for row in rows])


def _own_links(aligner: PairAligner, pairs: Pairs) -> Tensor:
    """A of eq. 4 on subwords: the model's own links, without gradient or dropout."""
    encoder = aligner.encoder
    with torch.no_grad():
        encoder.eval()
        links = _confident(aligner, *aligner.encode(pairs))
        encoder.train()
    return links


def _confident(aligner: PairAligner, source: Vectors, target: Vectors) -> Tensor:
    with torch.no_grad():
        forward, backward = aligner.probabilities(source, target)
        links = (forward > aligner.threshold) & (backward > aligner.threshold)
        return links & source.mask[:, :, None] & target.mask[:, None, :]


def _replace_known(links: Tensor, gold: Gold, pairs: Pairs, source: Vectors, target: Vectors) -> Tensor:
    """The subword links (batch, n, m), with those of linked words where a pair's links are given."""
    words = _word_matrix(gold, pairs).to(links.device)
    rows = words.gather(1, source.words[:, :, None].expand(-1, -1, words.shape[2]))
    given = rows.gather(2, target.words[:, None, :].expand(-1, rows.shape[1], -1)).bool()
    given = given & source.mask[:, :, None] & target.mask[:, None, :]
    known = torch.tensor([alignment is not None for alignment in gold], device=links.device)
    return torch.where(known[:, None, None], given, links)


def _word_matrix(gold: Gold, pairs: Pairs) -> Tensor:
    """(batch, source words, target words), 1 at gold links, sure and possible."""
    matrix = torch.zeros(len(gold), max(x.length for x, _ in pairs), max(y.length for _, y in pairs))
    for row, links in zip(matrix, gold):
        if links is not None:
            source, target = links.pairs.T
            row[source, target] = 1.0
    return matrix


def _marked_words(vectors: Vectors) -> Tensor:
    """Each subword's word, −1 at padding."""
    return vectors.words.masked_fill(~vectors.mask, -1)
