"""python -m bench.report [--check]."""

from bench.report.pages import main

main()
