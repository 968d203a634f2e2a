"""What the extension asks of Python: how objects of workers look, what of ours stands for them, and what errors are."""

from __future__ import annotations

import os
from typing import Any

from . import _errors, _hubcell, _state
from ._handle import Handle, HandleBase
from ._module import Module


class File:
    """A file of the caller's: the worker gets a copy of it, and the path of that copy as a str.

    path: of a file that this program can read; read when the File is made. Raises OSError."""

    def __init__(self, path: "os.PathLike[str] | str") -> None:
        self.name = os.path.basename(os.fspath(path))
        with open(path, "rb") as file:
            self.content = file.read()

    def __repr__(self) -> str:
        return f"hubcell.File({self.name!r}, {len(self.content)} bytes)"


def wrap(remote: Any) -> HandleBase:
    """The handle for an object of a worker."""
    return Module(remote) if remote.kind()[2] else Handle(remote)


def unwrap(thing: Any) -> Any:
    """What stands for `thing` in a worker: an object of the worker, (name, content) of a file, or None: nothing does."""
    if isinstance(thing, HandleBase):
        return object.__getattribute__(thing, "_hubcell_remote")
    if isinstance(thing, File):
        return thing.name, thing.content
    return None


def connect() -> None:
    _hubcell.connect(_hubcell.libexec_folder(), wrap, unwrap, _errors.make, _state.take)
