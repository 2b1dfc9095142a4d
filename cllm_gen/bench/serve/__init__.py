"""`cllm-gen bench serve`: the server under many clients, beside servers of its peers."""
