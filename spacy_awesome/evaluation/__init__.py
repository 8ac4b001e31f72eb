"""How good word links and projected spans are, against a gold standard."""
