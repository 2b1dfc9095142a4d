"""Failures of building an image that a user can mend."""


class BuildFailed(Exception):
    """A tool of the build refused; the message holds its command's file and its own words."""
