"""Our templates at vendors that send approved templates only: words, mappings, standing."""
