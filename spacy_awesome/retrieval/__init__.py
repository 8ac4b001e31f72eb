"""Which sentence translates which: BERT-score, average pooling, and normalisation. Tensors only, no spaCy."""
