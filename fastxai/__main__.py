"""Let ``python -m fastxai`` run the command line."""

import sys

from fastxai.cli import main

if __name__ == "__main__":
    sys.exit(main())
