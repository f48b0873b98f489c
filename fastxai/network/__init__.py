"""MindSpore's insides: identity and copies of networks, evaluation mode, scores, interrupts."""
