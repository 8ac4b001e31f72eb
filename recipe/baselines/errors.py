"""What a baseline that is not there says."""


class NotInstalledError(ValueError):
    """A baseline's program or package is not there; the message says how to get it."""
