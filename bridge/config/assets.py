"""Where the files that are not code live, in a checkout and in an installed package alike."""

from pathlib import Path

_PACKAGE = Path(__file__).resolve().parents[1]


def folder(name: str) -> Path:
    """The folder `templates` or `static`.

    A checkout keeps them at its top level; the wheel carries them inside the package.
    """
    packed = _PACKAGE / "_assets" / name
    return packed if packed.exists() else _PACKAGE.parent / name
