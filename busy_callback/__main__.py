"""``python -m busy_callback`` is the command ``busy-callback``."""

from busy_callback.cli import main

if __name__ == "__main__":
    main(prog_name="busy-callback")
