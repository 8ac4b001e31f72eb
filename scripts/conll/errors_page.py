"""An HTML page of the sentences with errors, by cause: gold and projected entities side by side."""

from __future__ import annotations

from dataclasses import dataclass

from spacy.tokens import Doc

from recipe.error_causes import CAUSES, Cause, ProjectedPair, SpanError, find_errors
from spacy_awesome.formats.conll import LabelledSentence, LabelledSpan
from spacy_awesome.formats.docbin import labelled_sentence
from spacy_awesome.visualize import link_diagram
from spacy_awesome.visualize.layout import LabelColors, shown
from spacy_awesome.visualize.style import DIAGRAM_STYLE, PAGE_STYLE, display, escape

EXPLAINED: dict[Cause, str] = {
    "recogniser": "The English entity is missing, or has another label or other bounds.",
    "translation": "The translation shows nothing that the gold entity could be linked to.",
    "alignment": "The English entity is there, but the links do not lead from it to the gold entity.",
    "rule": "The links lead to the gold entity, but the projection rule made another span of them.",
}
# Drawings are the bulk of a page.
DRAWN = 25
STYLE = """
main { max-width: 1200px }
.sides { display: grid; grid-template-columns: 1fr 1fr; gap: 8px 24px }
.sides p, .sides h3 { margin: 0 } .sides h3 { font-size: 12px } .english { grid-column: 1 / -1 }
.sides mark { color: #1f2937; border-radius: 4px; padding: 1px 4px } .sides sub { font-size: 9px }
"""


@dataclass(frozen=True)
class SentenceErrors:
    """A projected pair, the gold entities of its target, and the errors in it."""

    doc: Doc
    gold: LabelledSentence
    errors: list[SpanError]


def sentence_errors(doc: Doc, gold: LabelledSentence) -> SentenceErrors:
    """Find the errors of a pair that the span projector has been over."""
    report = [each for each in doc._.projection_report if each.projected]
    projected = [
        (
            LabelledSpan(each.target_start, each.target_end, each.label),
            LabelledSpan(each.source_start, each.source_end, each.label),
        )
        for each in report
    ]
    pair = ProjectedPair(labelled_sentence(doc._.source), gold, doc._.alignment, projected)
    return SentenceErrors(doc, gold, find_errors(pair))


def errors_page(sentences: list[SentenceErrors], *, title: str) -> str:
    """The page: a section for each cause, with the sentences that have such an error."""
    palette = LabelColors()
    sections = []
    for cause in CAUSES:
        wrong = [each for each in sentences if any(error.cause == cause for error in each.errors)]
        count = sum(error.cause == cause for each in wrong for error in each.errors)
        articles = [article(each, cause, palette, drawn=place < DRAWN) for place, each in enumerate(wrong)]
        head = f'<h2 id="{cause}">{cause.capitalize()}: {count} errors in {len(wrong)} sentences</h2>'
        sections.append("\n".join([head, f"<p>{escape(EXPLAINED[cause])}</p>", *articles]))
    contents = " · ".join(f'<a href="#{cause}">{cause}</a>' for cause in CAUSES)
    return f"""<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8"><title>{escape(title)}</title>
<style>{PAGE_STYLE}{DIAGRAM_STYLE}{STYLE}</style></head><body><main>
<h1>{escape(title)}</h1>
<p>{contents}</p>
{"".join(sections)}
</main></body></html>
"""


def article(each: SentenceErrors, cause: Cause, palette: LabelColors, *, drawn: bool) -> str:
    """One sentence: what went wrong, gold against projected, the English, and the links."""
    words = each.gold.words
    notes = "; ".join(escape(said(error, words)) for error in each.errors if error.cause == cause)
    source, projected = labelled_sentence(each.doc._.source), labelled_sentence(each.doc)
    drawing = f"<details><summary>Links</summary>{link_diagram(each.doc, styled=False)}</details>" if drawn else ""
    return (
        f"<article><p>{notes}</p>\n"
        f'<div class="sides"><div><h3>Gold</h3><p>{marked(each.gold, palette)}</p></div>'
        f"<div><h3>Projected</h3><p>{marked(projected, palette)}</p></div>"
        f'<div class="english"><h3>English</h3><p>{marked(source, palette)}</p></div></div>{drawing}</article>'
    )


def said(error: SpanError, words: tuple[str, ...]) -> str:
    """An error in words."""
    if error.gold is not None:
        return f"missed {error.gold.label} “{shown(words, error.gold.start, error.gold.end)}”"
    assert error.projected is not None
    span = error.projected
    return f"projected {span.label} “{shown(words, span.start, span.end)}”, where there is none"


def marked(sentence: LabelledSentence, palette: LabelColors) -> str:
    """A sentence with its entities marked, as HTML."""
    parts, place = [], 0
    for start, end, label in sorted(sentence.spans):
        parts += [escape(display(word)) for word in sentence.words[place:start]]
        text = escape(shown(sentence.words, start, end))
        parts.append(f'<mark style="background:{escape(palette[label])}">{text} <sub>{escape(label)}</sub></mark>')
        place = end
    return " ".join([*parts, *(escape(display(word)) for word in sentence.words[place:])])
