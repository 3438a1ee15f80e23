"""The command `sparring`, which is also `python -m sparring`."""

from sparring.base import system


def main() -> None:
    """Runs the command line; Ctrl-C ends it with status 130 from here on."""
    system.listen()
    try:
        from sparring.cli import main as answer

        answer()
    finally:
        system.deafen()


if __name__ == "__main__":
    main()
