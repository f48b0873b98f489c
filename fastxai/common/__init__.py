"""What every explainer shares: checks of inputs and targets, the network's guard, progress."""
