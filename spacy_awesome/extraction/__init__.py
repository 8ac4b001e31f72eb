"""From subword vectors to links: similarity, the extraction methods, and subwords to words. Tensors only, no spaCy."""
