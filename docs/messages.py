"""Brings the catalogs up to date with the texts of program and pages: `make messages`.

A new text gets an empty translation, to be filled in; one that is no longer used is removed.
An argument names another folder than `bridge/web/locales`.
"""

import sys
from pathlib import Path

from babel.messages.catalog import Catalog
from babel.messages.extract import extract_from_dir
from babel.messages.pofile import read_po, write_po

ROOT = Path(__file__).resolve().parent.parent
METHODS = [("**.py", "python"), ("**.html", "jinja2")]
OPTIONS = {"**.html": {"encoding": "utf-8", "newstyle_gettext": "true"}}
KEYWORDS = {"_": None, "gettext": None, "ngettext": (1, 2), "N_": None}


def main() -> None:
    """Rewrites every catalog of the folder."""
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else ROOT / "bridge" / "web" / "locales"
    texts = extracted()
    for path in sorted(folder.glob("*/LC_MESSAGES/messages.po")):
        with path.open("rb") as file:
            catalog = read_po(file, locale=path.parts[-3])
        catalog.update(texts, no_fuzzy_matching=True)
        with path.open("wb") as file:
            write_po(
                file, catalog, width=0, sort_output=True, omit_header=True, ignore_obsolete=True
            )


def extracted() -> Catalog:
    """Every text that is shown to a reader; what the sandbox says is English alone."""
    catalog = Catalog()
    for folder in ("bridge", "templates"):
        for _file, _line, message, _comments, _context in extract_from_dir(
            ROOT / folder,
            METHODS,
            OPTIONS,
            KEYWORDS,
            directory_filter=lambda path: Path(path).name not in {"sandbox", "__pycache__"},
        ):
            catalog.add(message)
    return catalog


if __name__ == "__main__":
    main()
