"""Translations found among the sentences of two large texts: vectors, candidates, scores, selection; resumable."""
