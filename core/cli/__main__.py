"""`python -m core.cli`, for processes that must not depend on the script's place."""

from core.cli import main

main()
