"""Every module imports on this Python, quietly."""

import importlib
import warnings
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
MODULES = sorted(
    ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")
    for folder in ("bridge", "sandbox")
    for path in (ROOT / folder).rglob("*.py")
    if path.name != "__main__.py"
)


@pytest.mark.smoke
@pytest.mark.parametrize("name", MODULES)
def test_a_module_imports_without_a_warning(name: str) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        importlib.import_module(name)
