"""A module whose CLASS_NAMES do not fit its networks."""

from corner_networks import corners

CLASS_NAMES = ["one", "two"]

__all__ = ["corners"]
