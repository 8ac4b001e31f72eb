"""From an English pipeline and translations to Spanish entities, span groups and training data.

    python examples/transfer.py

docs/transfer.md explains each part and shows what it prints.
"""

# %% entities
import spacy

from spacy_awesome import parallel_stream

nlp_en = spacy.blank("en")  # or spacy.load("en_core_web_sm"), or any other pipeline of yours
ruler = nlp_en.add_pipe("entity_ruler")
ruler.add_patterns([{"label": "PER", "pattern": "Ana Botín"}, {"label": "ORG", "pattern": "Bank of Spain"}])
ruler.add_patterns([{"label": "LOC", "pattern": "London"}, {"label": "LOC", "pattern": "Germany"}])

nlp = spacy.blank("es")
nlp.add_pipe("word_aligner")
nlp.add_pipe("span_projector")

english = ["Ana Botín left the Bank of Spain in London.", "Germany won again.", "It rained in London all day."]
spanish = ["Ana Botín dejó el Banco de España en Londres.", "Alemania volvió a ganar.", "Llovió todo el día."]
docs = list(nlp.pipe(parallel_stream(nlp, zip(nlp_en.pipe(english), spanish))))
for doc in docs:
    print(doc.text, [(ent.text, ent.label_, round(ent._.projection.score, 2)) for ent in doc.ents])

# %% lost
for doc in docs:
    for projection in doc._.projection_report:
        if not projection.projected:
            source = doc._.source[projection.source_start : projection.source_end]
            print(f"{source.text} ({projection.label}): {projection.reason}")

# %% spans
finder = nlp_en.add_pipe("span_ruler", config={"spans_key": "roles"})
finder.add_patterns([{"label": "WHO", "pattern": "Ana Botín"}, {"label": "FIRM", "pattern": "the Bank of Spain"}])

nlp_spans = spacy.blank("es")
nlp_spans.add_pipe("word_aligner")
nlp_spans.add_pipe("span_projector", config={"source_spans": "roles", "write_to": ["roles"]})
[doc] = nlp_spans.pipe(parallel_stream(nlp_spans, zip(nlp_en.pipe(english[:1]), spanish)))
print([(span.text, span.label_) for span in doc.spans["roles"]])

# %% corpus
from tempfile import TemporaryDirectory

from spacy.training import Corpus

from spacy_awesome.transfer.corpus import write_corpus

with TemporaryDirectory() as folder:
    report = write_corpus(docs, folder, dev_share=0)
    print(f"{report.kept} of {report.sentences} sentences kept; dropped: {report.reasons}")
    for example in Corpus(f"{folder}/train.spacy")(nlp):
        print(example.reference.text, example.reference.ents)
