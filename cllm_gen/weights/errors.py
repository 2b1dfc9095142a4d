"""Failures of reading a model file that a user can mend."""


class ModelFileError(Exception):
    """A GGUF that is damaged, or of a family or type that cllm does not know; names what and where."""
