"""What callers hand over, checked, and what networks return; no framework is imported here."""
