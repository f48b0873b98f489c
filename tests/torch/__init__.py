"""fastxai.torch; skipped where PyTorch is not installed."""
