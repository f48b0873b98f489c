"""Subject of an explanation, from files: picture, network, weights and classes."""
