"""Modules that mindspore_xai has under this name: `attribution`, `operators` and `utils`."""
