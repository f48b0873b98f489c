"""A module without CLASS_NAMES."""

from corner_networks import corners

__all__ = ["corners"]
