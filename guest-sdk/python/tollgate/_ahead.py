"""Imports when the component is built what a plugin's functions would import in the host.

In the host no module can be read any more, so an `import` within a function would fail there, as would the
first use of an encoding, or of `strptime`, which Python imports on the quiet. What is found here is found
in the plugin's source, and it is no error if it cannot be imported: the plugin may never ask for it.
"""

from __future__ import annotations

import ast
import codecs
import os
import sys
from collections.abc import Iterator
from contextlib import suppress
from importlib import import_module
from types import ModuleType

_ELSEWHERE = (
    os.path.dirname(__file__) + "/",
    # In the sandbox the one says where the library was built, the other where it is.
    os.path.dirname(os.__file__) + "/",
    os.path.dirname(str(ast.__file__)) + "/",
    "/world/",
    "/bundled/",
)
"""Where the modules are that are not the plugin's own: the SDK, the standard library, the bindings."""


def import_ahead() -> None:
    """Does so for all modules of the plugin's that are there, and for those that this brings in."""
    seen: set[str] = set()
    while new := [name for name, module in sys.modules.items() if name not in seen and _is_own(module)]:
        for name in new:
            seen.add(name)
            with suppress(Exception):
                _import_of(sys.modules[name])


def _is_own(module: ModuleType) -> bool:
    file = getattr(module, "__file__", None)
    return isinstance(file, str) and file.endswith(".py") and not file.startswith(_ELSEWHERE)


def _import_of(module: ModuleType) -> None:
    with open(str(module.__file__), "rb") as file:
        tree = ast.parse(file.read())
    for node in ast.walk(tree):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            for name in _names(node, module.__package__ or ""):
                with suppress(Exception):
                    import_module(name)
        elif isinstance(node, ast.Attribute) and node.attr == "strptime":
            import_module("_strptime")
        elif isinstance(node, ast.Call) and isinstance(node.func, (ast.Attribute, ast.Name)):
            for value in [*node.args, *(keyword.value for keyword in node.keywords)]:
                if isinstance(value, ast.Constant) and isinstance(value.value, str):
                    _look_up(node.func, value.value)


def _names(function: ast.AST, package: str) -> Iterator[str]:
    """What a function imports; of what it imports from a package, each name, which may be a module too."""
    for node in ast.walk(function):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            parts = package.split(".")
            base = parts[: len(parts) - node.level + 1] if node.level else []
            origin = ".".join([*base, *([node.module] if node.module else [])])
            yield origin
            yield from (f"{origin}.{alias.name}" for alias in node.names if alias.name != "*")


def _look_up(function: ast.Attribute | ast.Name, name: str) -> None:
    called = function.attr if isinstance(function, ast.Attribute) else function.id
    if called in {"encode", "decode", "str", "bytes", "bytearray", "lookup"}:
        with suppress(LookupError):
            codecs.lookup(name)
    elif called in {"import_module", "__import__"}:
        with suppress(Exception):
            import_module(name)
