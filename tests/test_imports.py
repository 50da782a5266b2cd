"""Every module imports on this Python, quietly."""

import importlib
import warnings
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent


@pytest.mark.smoke
@pytest.mark.parametrize("package", ["bridge", "sandbox"])
def test_every_module_imports_without_a_warning(package: str) -> None:
    names = [
        ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")
        for path in sorted((ROOT / package).rglob("*.py"))
        if path.name != "__main__.py"
    ]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for name in sorted(names, key=lambda name: name.count(".")):
            importlib.import_module(name)
