"""Configuration values, which the host grants one by one."""

from __future__ import annotations

from componentize_py_types import Err

# The bindings call it `store` where no other interface of that name is there.
try:
    from wit_world.imports import wasi_config_store as store
except ImportError:
    from wit_world.imports import store

    if not hasattr(store, "get_all"):
        raise

from ._check import text
from ._error import StoreError


def config(key: str) -> str | None:
    """The configuration value of a key; `None` where there is no such key, or nothing was granted.

    It takes a crossing: read it once, when the plugin is made. Raises `StoreError` on hosts whose values
    come from elsewhere.
    """
    key = text("the key", key)
    try:
        return store.get(key)
    except Err as err:
        raise StoreError("other", err.value.value) from None
