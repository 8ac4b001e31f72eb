"""Engines that encode and align words and sentences in batches, and take long text apart and join it again."""
