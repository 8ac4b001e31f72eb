"""The data model: alignments, projections, pairs of Docs and their attributes; and checks of what is saved."""
