"""What is explained: picture, network, weights and classes, from files."""
