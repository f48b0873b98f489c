"""Random masks and windows: designs, estimators, error bars and stopping; NumPy alone."""
