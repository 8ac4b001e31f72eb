"""SimAlign's Itermax (Jalili Sabet et al. 2020), by its own package, on any encoder."""

from __future__ import annotations

import importlib.util
from collections.abc import Iterator, Sequence
from typing import Any

from recipe.baselines.errors import NotInstalledError
from spacy_awesome.tokens.word_alignment import WordAlignment, WordPair


def simalign_links(pairs: Sequence[WordPair], *, encoder: str = "bundled") -> Iterator[WordAlignment]:
    """Itermax links between subwords, at the layer that the encoder is read at here, with SimAlign's own defaults.

    encoder: `bundled`, a folder or a hub name.
    Raises NotInstalledError without the package, ValueError where the encoder can't be loaded.
    """
    if importlib.util.find_spec("simalign") is None:
        raise NotInstalledError("SimAlign is not installed: pip install 'spacy-awesome[baselines]'")
    import torch
    from simalign import SentenceAligner

    from spacy_awesome.encoders.loading import encoder_folder, load_encoder

    # SimAlign loads a model without any check of its own.
    layer = load_encoder(encoder, layer=None, dtype=torch.float32).layer
    folder = str(encoder_folder(encoder))
    aligner: Any = SentenceAligner(model=folder, token_type="bpe", matching_methods="i", layer=layer)
    return (_links(aligner, *pair) for pair in pairs)


def _links(aligner: Any, source: Sequence[str], target: Sequence[str]) -> WordAlignment:
    lengths = {"source_length": len(source), "target_length": len(target)}
    if not source or not target:
        return WordAlignment([], **lengths)
    return WordAlignment(aligner.get_word_aligns(list(source), list(target))["itermax"], **lengths)
