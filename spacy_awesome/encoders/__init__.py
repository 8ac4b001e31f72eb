"""Text to contextual subword vectors, with any Hugging Face encoder; the bundled one lies in `mini/`."""
