"""``python -m secant``: the command line."""

import sys

from secant.cli import main

if __name__ == "__main__":
    sys.exit(main())
