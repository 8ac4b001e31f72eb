"""How good word links, sentence alignments, projected spans, retrieval and mined pairs are, against a gold standard."""
