"""Make the picture of a projected pair that the README shows: python docs/images/projected_pair.py"""

from __future__ import annotations

from pathlib import Path

import spacy
from spacy.tokens import Doc, Span

from spacy_awesome import parallel
from spacy_awesome.formats.files import open_output
from spacy_awesome.visualize import link_diagram

SOURCE = "The European Commission president , Ursula von der Leyen , will meet Angela Merkel in Berlin on Monday ."
ENTITIES = [(1, 3, "ORG"), (5, 9, "PERSON"), (12, 14, "PERSON"), (15, 16, "GPE"), (17, 18, "DATE")]
TARGET = (
    "La presidenta de la Comisión Europea , Ursula von der Leyen , se reunirá el lunes en Berlín con Angela Merkel ."
)


def make_picture(path: Path) -> None:
    """Align and project one pair with the default components, and draw it."""
    source = Doc(spacy.blank("en").vocab, words=SOURCE.split(" "))
    source.ents = [Span(source, start, end, label=label) for start, end, label in ENTITIES]
    nlp = spacy.blank("es")
    nlp.add_pipe("word_aligner")
    nlp.add_pipe("span_projector")
    with open_output(path) as stream:
        stream.write(link_diagram(nlp(parallel(nlp, source, TARGET.split(" ")))) + "\n")


if __name__ == "__main__":
    make_picture(Path(__file__).with_suffix(".svg"))
