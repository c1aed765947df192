"""The `compilot` command."""


def main() -> None:
    raise SystemExit(2)
