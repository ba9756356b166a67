"""`python -m marginflow`: the command line."""

import sys

from marginflow.cli import main

sys.exit(main())
