"""A word-alignment encoder from word links alone: no gradient, a matter of minutes.

Subwords that occur in linked words are put next to each other: a joint Unigram vocabulary, counts of subword pairs in
linked words plus an identity prior, positive pointwise mutual information, truncated eigendecomposition (Levy and
Goldberg 2014, with links in the place of windows). The rows become the embeddings of a small transformer whose layers
start as the identity, so that it aligns before it is trained, and training starts from there.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from scipy.sparse import csr_matrix
    from tokenizers import Tokenizer
    from tokenizers.normalizers import Normalizer
    from tokenizers.pre_tokenizers import PreTokenizer
    from transformers import PreTrainedModel, PreTrainedTokenizerFast

SPECIAL_TOKENS = {
    "pad_token": "[PAD]",
    "unk_token": "[UNK]",
    "cls_token": "[CLS]",
    "sep_token": "[SEP]",
    "mask_token": "[MASK]",
}
MAX_LENGTH = 512
# Typographic variants of one mark are one mark: translations differ in them and nothing else depends on it.
_MARKS = (("[«»“”„‟]", '"'), ("[‘’‚‛´`]", "'"), ("[‐‑‒–—―]", "-"))
_BPE_SAMPLE = 3_000_000
_ESTIMATION_ROUNDS = 3
_BYTE_SCORE = -30.0
_OVERSAMPLING = 64
_SUBSPACE_ROUNDS = 12


def train_tokenizer(word_counts: Mapping[str, float], *, vocab_size: int) -> PreTrainedTokenizerFast:
    """A cased Unigram tokenizer for all languages of `word_counts`, with bytes for characters that it has not seen.

    The pieces are those of byte-pair merges (frequent words stay whole, which alignment profits from), their
    probabilities those of a Unigram model (Kudo 2018), estimated from the best segmentation of every word. Words are
    split around punctuation and numbers, and every part starts with `▁`: raw and tokenised text give the same subwords.
    `vocab_size` counts special tokens (5) and bytes (256) too; small corpora give fewer pieces.
    Raises ValueError where nothing is left for pieces.

    >>> tokenizer = train_tokenizer({"Berlin": 5, "Paris": 5, ".": 9}, vocab_size=300)
    >>> tokenizer.tokenize("Paris.")
    ['▁Paris', '▁.']
    """
    from tokenizers import Tokenizer, models, processors, trainers
    from transformers import PreTrainedTokenizerFast

    specials, byte_pieces = list(SPECIAL_TOKENS.values()), [f"<0x{byte:02X}>" for byte in range(256)]
    room = vocab_size - len(specials) - len(byte_pieces)
    if room <= 0:
        raise ValueError(f"vocab_size={vocab_size} leaves no room beside {len(specials)} special tokens and 256 bytes.")
    tokenizer = Tokenizer(models.BPE())
    tokenizer.normalizer, tokenizer.pre_tokenizer = _normalizer(), _pre_tokenizer()
    parts = _count_parts(word_counts, tokenizer)
    scale = min(1.0, _BPE_SAMPLE / max(sum(parts.values()), 1.0))
    merges = Tokenizer(models.BPE())
    merges.pre_tokenizer = tokenizer.pre_tokenizer
    repeated = (" ".join([part] * max(1, round(count * scale))) for part, count in parts.items())
    merges.train_from_iterator(repeated, trainers.BpeTrainer(vocab_size=room, show_progress=False))

    prefix = [(piece, 0.0) for piece in specials] + [(piece, _BYTE_SCORE) for piece in byte_pieces]
    weights = _piece_counts(parts, merges)
    for _ in range(_ESTIMATION_ROUNDS):
        total = sum(weights.values())
        scores = [(piece, round(math.log(max(weights[piece], 0.5) / total), 4)) for piece in sorted(merges.get_vocab())]
        tokenizer.model = models.Unigram(prefix + scores, unk_id=specials.index("[UNK]"), byte_fallback=True)
        weights = _piece_counts(parts, tokenizer)
    cls, sep = SPECIAL_TOKENS["cls_token"], SPECIAL_TOKENS["sep_token"]
    tokenizer.post_processor = processors.TemplateProcessing(
        single=f"{cls} $A {sep}",
        pair=f"{cls} $A {sep} $B {sep}",
        special_tokens=[(cls, specials.index(cls)), (sep, specials.index(sep))],
    )
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        model_max_length=MAX_LENGTH,
        model_input_names=["input_ids", "attention_mask"],
        **SPECIAL_TOKENS,
    )


def _normalizer() -> Normalizer:
    from tokenizers import Regex, normalizers

    return normalizers.Sequence(
        [normalizers.NFKC(), *(normalizers.Replace(Regex(marks), plain) for marks, plain in _MARKS)]
    )


def _pre_tokenizer() -> PreTokenizer:
    from tokenizers import pre_tokenizers

    return pre_tokenizers.Sequence(
        [
            pre_tokenizers.WhitespaceSplit(),
            pre_tokenizers.Punctuation("isolated"),
            pre_tokenizers.Digits(individual_digits=False),
            pre_tokenizers.Metaspace(prepend_scheme="always"),
        ]
    )


def _count_parts(word_counts: Mapping[str, float], tokenizer: Tokenizer) -> dict[str, float]:
    """Counts of the parts (without `▁`) that words are split into before subwords are looked for."""
    parts: defaultdict[str, float] = defaultdict(float)
    for word, count in sorted(word_counts.items()):
        for part, _ in tokenizer.pre_tokenizer.pre_tokenize_str(tokenizer.normalizer.normalize_str(word)):
            parts[part.removeprefix("▁")] += count
    parts.pop("", None)
    return dict(parts)


def _piece_counts(parts: Mapping[str, float], tokenizer: Tokenizer) -> defaultdict[str, float]:
    counts: defaultdict[str, float] = defaultdict(float)
    encodings = tokenizer.encode_batch_fast(list(parts), add_special_tokens=False)
    for encoding, count in zip(encodings, parts.values(), strict=True):
        for piece in encoding.tokens:
            counts[piece] += count
    return counts


def subword_counts(
    word_counts: Mapping[tuple[str, str], float], tokenizer: PreTrainedTokenizerFast, *, identity: float
) -> csr_matrix:
    """Symmetric (vocab, vocab) counts of subwords in linked words.

    word_counts: how often a source and a target word are linked. The count of two words is shared out among their
    subword pairs so that each subword of the longer word gets one count.
    identity: added to a subword's count with itself, as a share of its frequency: names and numbers are their own
    translation. Subwords that were never linked stay without counts.
    """
    from scipy.sparse import coo_matrix, diags

    words = sorted({word for pair in word_counts for word in pair})
    index = {word: number for number, word in enumerate(words)}
    encodings = tokenizer.backend_tokenizer.encode_batch_fast(words, add_special_tokens=False)
    lengths = np.array([len(encoding.ids) for encoding in encodings], dtype=np.int64)
    starts = np.concatenate([[0], np.cumsum(lengths)[:-1]])
    pieces = np.fromiter((piece for encoding in encodings for piece in encoding.ids), np.int64, int(lengths.sum()))

    left = np.array([index[source] for source, _ in word_counts], dtype=np.int64)
    right = np.array([index[target] for _, target in word_counts], dtype=np.int64)
    counts = np.fromiter(word_counts.values(), np.float64, len(word_counts))
    cells = lengths[left] * lengths[right]
    cell = np.arange(int(cells.sum())) - np.repeat(np.cumsum(cells) - cells, cells)
    width = np.repeat(lengths[right], cells)
    rows = pieces[np.repeat(starts[left], cells) + cell // width]
    columns = pieces[np.repeat(starts[right], cells) + cell % width]
    weights = np.repeat(counts / np.maximum(np.minimum(lengths[left], lengths[right]), 1), cells)
    size = len(tokenizer)
    linked = coo_matrix((weights, (rows, columns)), shape=(size, size)).tocsr()
    linked = linked + linked.T
    frequency = np.asarray(linked.sum(axis=1)).ravel()
    return (linked + diags(identity * frequency)).tocsr()


def positive_pmi(counts: csr_matrix) -> csr_matrix:
    """max(0, log p(x, y) / (p(x) p(y))) of symmetric counts; same shape."""
    total = counts.sum()
    marginal = np.asarray(counts.sum(axis=1)).ravel()
    result = counts.tocoo(copy=True)
    result.data = np.log(result.data * total / (marginal[result.row] * marginal[result.col]))
    result.data = np.maximum(result.data, 0.0)
    result = result.tocsr()
    result.eliminate_zeros()
    return result


def lexical_matrix(ppmi: csr_matrix, *, dimensions: int, seed: int = 0) -> npt.NDArray[np.float32]:
    """Embeddings (vocab, dimensions) of unit length and zero mean from a symmetric PPMI matrix.

    The dimensions - 1 largest eigenvectors, weighted by the root of their eigenvalues, in a basis that is orthogonal to
    the vector of ones: a LayerNorm only scales such rows. Subwords without any count get random directions.
    Raises ValueError if the vocabulary is not larger than `dimensions`.
    """
    if ppmi.shape[0] <= dimensions:
        raise ValueError(f"A vocabulary of {ppmi.shape[0]} cannot fill {dimensions} dimensions; choose fewer.")
    rng = np.random.default_rng(seed)
    values, vectors = _largest_eigenvectors(ppmi, dimensions - 1, rng)
    rows = vectors * np.sqrt(np.maximum(values, 0.0))
    norms = np.linalg.norm(rows, axis=1, keepdims=True)
    # Subwords far from the leading eigenvectors keep an identity of their own: a random direction.
    rows = np.where(norms > 1e-4 * norms.max(), rows, rng.normal(size=rows.shape))
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    ones = np.ones((dimensions, 1)) / np.sqrt(dimensions)
    basis = np.linalg.qr(np.hstack([ones, rng.normal(size=(dimensions, dimensions - 1))]))[0][:, 1:]
    centred: npt.NDArray[np.float32] = (rows @ basis.T).astype(np.float32)
    return centred


def _largest_eigenvectors(
    matrix: csr_matrix, count: int, rng: np.random.Generator
) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]:
    """Eigenvalues (count,) and eigenvectors (size, count) of a symmetric matrix, by subspace iteration (Halko 2011)."""
    width = min(count + _OVERSAMPLING, matrix.shape[0])
    matrix = matrix.astype(np.float32)
    basis = rng.normal(size=(matrix.shape[0], width)).astype(np.float32)
    for _ in range(_SUBSPACE_ROUNDS):
        basis = np.linalg.qr(matrix @ basis)[0]
    values, vectors = np.linalg.eigh(basis.T @ (matrix @ basis))
    return values[::-1][:count], (basis @ vectors)[:, ::-1][:, :count]


def build_encoder(
    matrix: npt.NDArray[np.float32], *, layers: int, heads: int, intermediate: int, seed: int = 0
) -> PreTrainedModel:
    """A RoFormer (Su et al. 2021; BERT with rotary positions) that returns the rows of `matrix`, made one long.

    The output projections of attention and feed-forward are zero, so every layer starts as the identity, and the dot
    product of two subword vectors is the cosine of their rows. Rotary positions need no parameters that a short
    training would have to learn first.
    """
    import torch
    from transformers import RoFormerConfig, RoFormerModel

    if layers < 1:
        raise ValueError(f"Expected at least one layer (its LayerNorm sets the vectors' length), got {layers}.")
    vocab_size, hidden = matrix.shape
    torch.manual_seed(seed)
    config = RoFormerConfig(
        vocab_size=vocab_size,
        embedding_size=hidden,
        hidden_size=hidden,
        num_hidden_layers=layers,
        num_attention_heads=heads,
        intermediate_size=intermediate,
        max_position_embeddings=MAX_LENGTH,
        type_vocab_size=1,
        hidden_dropout_prob=0.0,
        attention_probs_dropout_prob=0.0,
        pad_token_id=0,
    )
    model = RoFormerModel(config).eval()
    with torch.no_grad():
        model.embeddings.word_embeddings.weight.copy_(torch.from_numpy(matrix))
        model.embeddings.token_type_embeddings.weight.zero_()
        for layer in model.encoder.layer:
            for projection in (layer.attention.output.dense, layer.output.dense):
                projection.weight.zero_()
                projection.bias.zero_()
        # LayerNorm gives vectors of length sqrt(hidden); the last one's gain makes that 1.
        model.encoder.layer[-1].output.LayerNorm.weight.fill_(hidden**-0.5)
    return model
