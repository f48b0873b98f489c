"""Checks of what callers hand over and networks return, without a framework."""
