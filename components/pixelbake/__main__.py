"""`python -m pixelbake` is the command line."""

from pixelbake.cli import main

main()
