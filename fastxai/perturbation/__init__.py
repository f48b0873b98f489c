"""The loop that scores perturbed copies of images; neither MindSpore nor PyTorch."""
