"""Files in and out, one module a format: Pharaoh links, parallel text, CoNLL, JSON lines, `.spacy`.

Readers are generators that hold one line or sentence at a time; writers take a stream that `files.open_output` opened.
"""
