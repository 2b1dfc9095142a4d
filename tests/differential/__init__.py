"""Our server beside llama.cpp's: the same questions, and what their answers differ in.

    make differential

It needs the weights and `make setup-bench`. It fails for a difference that accepted.py does not list
and for a listed one that is no more; specs/api/DIFFERENCES.md is written from that list."""
