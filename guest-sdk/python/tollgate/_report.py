"""An exception as one line: its type, its text, and where in the plugin's own code it was raised.

The line is bounded and has no line ends, whatever the exception's text is. Nothing here is imported late
or reads a file: in the host there is none.
"""

from __future__ import annotations

import contextlib
import os
import sys
from types import TracebackType

__all__ = ["one_line", "report", "words"]

_LONGEST = 1000
"""Of an exception's text, in characters."""

_SDK = os.path.dirname(__file__) + "/"
_LIBRARIES = (
    # In the sandbox the one says where the library was built, the other where it is.
    os.path.dirname(os.__file__) + "/",
    os.path.dirname(str(contextlib.__file__)) + "/",
    "<frozen ",
    "/world/",
    "/bundled/",
)

_NOT_IMPORTED = (
    "; modules are imported when the component is built and not in the host: import it at the top of the "
    "plugin's file"
)


def report(bug: BaseException) -> str:
    """What a plugin raised, where, and what to do about it."""
    kind = type(bug).__qualname__
    text = one_line(words(bug))
    said = f"{kind}: {text}" if text else kind
    hint = _NOT_IMPORTED if _is_late_import(bug) else ""
    return f"the plugin raised {said}{_place(bug.__traceback__)}{hint}: mend it"


def one_line(text: str) -> str:
    """A text without line ends or anything that a log or the bindings would stumble over, cut where it is long."""
    cut = text[: _LONGEST + 1]
    shown = "".join(one if one.isprintable() else " " for one in cut)
    words = " ".join(shown.split())
    return words if len(cut) <= _LONGEST else words[: _LONGEST - 1] + "…"


def words(bug: BaseException) -> str:
    """An exception's text, without what UTF-8 cannot hold: the bindings trap on it."""
    try:
        return str(bug).encode(errors="replace").decode()
    except Exception as error:  # An exception's own code can be wrong as well.
        return f"(its text cannot be had: {type(error).__qualname__})"


def _is_late_import(bug: BaseException) -> bool:
    if isinstance(bug, ModuleNotFoundError):
        return True
    return isinstance(bug, LookupError) and str(bug).startswith("unknown encoding")


def _place(traceback: TracebackType | None) -> str:
    """The innermost of the frames that are the plugin's own; those of libraries where there is no such."""
    own = any_frame = ""
    while traceback is not None:
        code = traceback.tb_frame.f_code
        file, line = code.co_filename, traceback.tb_lineno
        if not file.startswith(_SDK):
            any_frame = f" ({_relative(file)}:{line}, in {code.co_name})"
            if not file.startswith(_LIBRARIES):
                own = any_frame
        traceback = traceback.tb_next
    return own or any_frame


def _relative(file: str) -> str:
    """A file's path from where modules are looked for: the plugin's folder has no other name in the sandbox."""
    roots = [root.rstrip("/") + "/" for root in sys.path if root]
    roots = [root for root in roots if file.startswith(root)]
    return file[len(max(roots, key=len)) :] if roots else file
