"""A page of several pairs: drawings, what was projected, and what was lost and why."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Final

import numpy.typing as npt
from spacy.tokens import Doc

from spacy_awesome.tokens.pair import checked_alignment, checked_projections, pair_words, require_parallel
from spacy_awesome.tokens.projection import Projection
from spacy_awesome.tokens.word_alignment import WordAlignment, WordPair
from spacy_awesome.visualize.charts import heat_map
from spacy_awesome.visualize.diagram import link_diagram
from spacy_awesome.visualize.layout import LabelColors, reason_text, shown
from spacy_awesome.visualize.style import DIAGRAM_STYLE, PAGE_STYLE, escape

_PAGE: Final = """<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
<style>{style}</style>
</head>
<body>
<main>
<h1>{title}</h1>
{pairs}
</main>
</body>
</html>
"""


def render(
    docs: Iterable[Doc],
    *,
    title: str = "Projected pairs",
    similarities: Iterable[npt.ArrayLike] | None = None,
    width: int = 920,
    colors: Mapping[str, str] | None = None,
) -> str:
    """A self-contained HTML page of pairs, readable in light and dark, without scripts or anything from elsewhere.

    docs: target Docs with their source. Each is shown as a link diagram with a table of its projected and lost spans.
    similarities: for each Doc a (source, target) matrix, such as the word aligner's `similarity` gives; shown as a
        heat map that unfolds.
    width: greatest width of a diagram in pixels.
    colors: CSS colour for each label, as in displaCy, whose own colours are the default.
    Raises ValueError at a Doc without a source, at a matrix of the wrong shape, and if there is not one matrix for each
        Doc.

    >>> import spacy
    >>> from spacy_awesome import parallel
    >>> nlp = spacy.blank("es")
    >>> "not aligned" in render([parallel(nlp, spacy.blank("en")("A house"), "Una casa")])
    True
    """
    palette = LabelColors(colors)
    pairs = []
    rows = ((doc, None) for doc in docs) if similarities is None else zip(docs, similarities, strict=True)
    for number, (doc, similarity) in enumerate(rows, start=1):
        pair, words = require_parallel(doc), pair_words(doc)
        alignment, projections = checked_alignment(doc, pair), checked_projections(doc, pair)
        parts = [
            f"<h2>Pair {number}{_count(alignment, projections)}</h2>",
            f'<div class="drawing">{link_diagram(doc, width=width, colors=colors, styled=False)}</div>',
            _span_table(words, projections, palette),
        ]
        if similarity is not None:
            drawing = heat_map(*words, similarity, alignment=alignment, styled=False)
            parts.append(
                f'<details><summary>Similarity of words</summary><div class="drawing">{drawing}</div></details>'
            )
        pairs.append("<article>\n" + "\n".join(part for part in parts if part) + "\n</article>")
    content = "\n".join(pairs) or '<p class="muted">There are no pairs.</p>'
    return _PAGE.format(title=escape(title), style=PAGE_STYLE + DIAGRAM_STYLE, pairs=content)


def _count(alignment: WordAlignment | None, projections: Sequence[Projection]) -> str:
    facts = ["not aligned"] if alignment is None else [f"links: {len(alignment)}"]
    if projections:
        facts.append(f"projected spans: {sum(p.projected for p in projections)} of {len(projections)}")
    return f' <span class="muted">{" · ".join(facts)}</span>'


def _span_table(words: WordPair, projections: Sequence[Projection], palette: LabelColors) -> str:
    if not projections:
        return ""
    # Those that were lost stand last: that is where one looks for them.
    ordered = sorted(projections, key=lambda projection: not projection.projected)
    rows = "\n".join(_span_row(projection, words, palette) for projection in ordered)
    return f'<table class="spans">\n<tbody>\n{rows}\n</tbody>\n</table>'


def _span_row(projection: Projection, words: WordPair, palette: LabelColors) -> str:
    source, target = words
    group = "" if projection.group == "ents" else f' <span class="muted">{escape(projection.group)}</span>'
    label = f'<mark style="background:{escape(palette[projection.label])}">{escape(projection.label)}</mark>{group}'
    source_text = escape(shown(source, projection.source_start, projection.source_end))
    if projection.projected:
        target_text = f"<bdi>{escape(shown(target, projection.target_start, projection.target_end))}</bdi>"
        fate = f"{projection.score:.2f}"
    else:
        target_text, fate = f'<span class="reason">{escape(reason_text(projection))}</span>', "lost"
    cells = (label, f"<bdi>{source_text}</bdi>", "→" if projection.projected else "✕", target_text, fate)
    name = "projected" if projection.projected else "lost"
    return f'<tr class="{name}">' + "".join(f"<td>{cell}</td>" for cell in cells) + "</tr>"
