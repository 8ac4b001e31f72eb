"""The components: Docs in, annotations out."""
