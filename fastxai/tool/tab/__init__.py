"""Tools for tables, which fastxai does not have."""
