"""Key-value buckets: what must last beyond the instance."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from componentize_py_types import Err
from wit_world.imports import atomics

# The bindings call it `store` where no other interface of that name is there.
try:
    from wit_world.imports import wasi_keyvalue_store as store
except ImportError:
    from wit_world.imports import store

from ._check import octets, text, whole
from ._error import StoreError

_LARGEST = 2**64 - 1


@dataclass(frozen=True)
class Keys:
    """One page of keys."""

    keys: Sequence[str]
    """The keys."""
    cursor: int | None
    """What to ask for the next page with; `None` after the last."""


class Bucket:
    """Keys and their values, kept by the host.

    What was set is there after a crash, and other instances and plugins with the same grant see it. Every
    call is a crossing, and one that writes waits for the disk. All raise `StoreError`, and `TypeError` or
    `ValueError` for what is no key, value or number at all.
    """

    def __init__(self, resource: store.Bucket) -> None:
        self._resource = resource

    @classmethod
    def open(cls, name: str) -> Bucket:
        """Opens a bucket by the name that the host gave it. Do it once, when the plugin is made."""
        name = text("the bucket's name", name)
        with _raised():
            return cls(store.open(name))

    def get(self, key: str) -> bytes | None:
        """The value of a key; `None` where there is no such key."""
        key = text("the key", key)
        with _raised():
            return self._resource.get(key)

    def set(self, key: str, value: bytes) -> None:
        """Sets the value of a key."""
        key, value = text("the key", key), octets("the value", value)
        with _raised():
            self._resource.set(key, value)

    def delete(self, key: str) -> None:
        """Removes a key, which need not be there."""
        key = text("the key", key)
        with _raised():
            self._resource.delete(key)

    def exists(self, key: str) -> bool:
        """Whether there is such a key."""
        key = text("the key", key)
        with _raised():
            return self._resource.exists(key)

    def increment(self, key: str, delta: int) -> int:
        """Adds to the decimal number that a key has, zero where there is none, and returns the sum.

        Nothing that others do can come between.
        """
        key, delta = text("the key", key), whole("the delta", delta, _LARGEST)
        with _raised():
            return atomics.increment(self._resource, key, delta)

    def keys(self, cursor: int | None = None) -> Keys:
        """One page of keys: the first without a cursor, the next with the cursor of the one before."""
        cursor = None if cursor is None else whole("the cursor", cursor, _LARGEST)
        with _raised():
            page = self._resource.list_keys(cursor)
        return Keys(page.keys, page.cursor)


_SENTENCES = {
    "no-such-store": "there is no bucket of that name: check it, or have it granted",
    "access-denied": "the bucket was not granted: have it granted",
}


@contextmanager
def _raised() -> Iterator[None]:
    """Turns the bindings' error into a `StoreError`."""
    try:
        yield
    except Err as err:
        if isinstance(err.value, store.Error_Other):
            raise StoreError("other", err.value.value) from None
        denied = isinstance(err.value, store.Error_AccessDenied)
        code = "access-denied" if denied else "no-such-store"
        raise StoreError(code, _SENTENCES[code]) from None
