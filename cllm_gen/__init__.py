"""cllm-gen: declarative Python specs in, a bootable kernel that serves one language model out."""
