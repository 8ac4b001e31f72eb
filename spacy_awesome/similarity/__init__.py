"""How similar sentences are: BERT-score, average pooling, and normalization. Tensors only, no spaCy."""
