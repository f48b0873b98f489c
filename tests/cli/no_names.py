"""A module without CLASS_NAMES."""

from corner_networks import channels, corners

__all__ = ["channels", "corners"]
