"""Faults planted into fastxai's own sources, each with the tests that must notice it.

`make faults` plants them one by one in a copy of the tree and fails if a test stays green: a suite
is worth what it catches. A mended fault of consequence gets a line in `planted.py`.
"""
