"""Failures of running an image that a user can mend."""


class RunFailed(Exception):
    """The image did not start, stopped by itself, or never answered; the message says which."""
