"""Kernels to C: each requested kernel of an instruction set in a file of its own, which all models
that have the shape share."""
