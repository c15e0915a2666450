"""``python -m app.cli`` is ``floe``."""

from app.cli.main import main

main()
