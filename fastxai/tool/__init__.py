"""Tools that explainers need and scripts use by themselves."""
