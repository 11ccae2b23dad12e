"""Writing files of a generated home with their exact modes, whatever the umask of the process."""

from pathlib import Path, PurePosixPath

SECRET_SUFFIXES = frozenset({".jks"})


def write_file(home: Path, path: str, content: bytes, mode: int | None = None) -> None:
    """Given a home, a path in it and a content, write that file and make the directories above it.

    Without a mode, scripts get 0755, keystores 0600, and everything else 0644; directories get 0755.
    """
    file = home / path
    make_directory(file.parent)
    file.write_bytes(content)
    file.chmod(mode if mode is not None else _mode(path))


def write_text(home: Path, path: str, content: str) -> None:
    """As `write_file`, for text."""
    write_file(home, path, content.encode())


def make_directory(directory: Path) -> None:
    """Given a directory, make it and those above it, each new one with mode 0755."""
    missing = []
    while not directory.is_dir():
        missing.append(directory)
        directory = directory.parent
    for new in reversed(missing):
        new.mkdir()
        new.chmod(0o755)


def _mode(path: str) -> int:
    suffix = PurePosixPath(path).suffix
    if suffix == ".sh":
        return 0o755
    return 0o600 if suffix in SECRET_SUFFIXES else 0o644
