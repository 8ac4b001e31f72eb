"""Which sentences of two texts translate each other: scores, gains and the best path. Arrays only, no spaCy."""
