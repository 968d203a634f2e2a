"""The hub folder, where checkouts and the lists of trusted repositories lie: torch.hub's `get_dir` and `set_dir`."""

from __future__ import annotations

import contextlib
import os
import threading
import warnings
from typing import Iterator, Optional, Union

from ._errors import SourceError

_hub_dir: Optional[str] = None


def get_dir() -> str:
    """The hub folder: what `set_dir` named, else $TORCH_HOME/hub, $XDG_CACHE_HOME/torch/hub, ~/.cache/torch/hub; as
    torch.hub.get_dir. A variable that is empty counts as one that is not set."""
    if os.getenv("TORCH_HUB"):
        warnings.warn("TORCH_HUB is deprecated, please use env TORCH_HOME instead", stacklevel=2)
    return _found()


def set_dir(d: Union[str, "os.PathLike[str]"]) -> None:
    """Makes `d` the hub folder, whatever the environment says, for Hubs that are made from now on and for the functions
    of the package; as torch.hub.set_dir. What is loaded already stays where it is."""
    global _hub_dir
    _hub_dir = os.path.expanduser(d)


def hub_folder() -> str:
    """`get_dir` as a full path."""
    return os.path.abspath(_found())


def _found() -> str:
    return _hub_dir if _hub_dir is not None else os.path.join(_torch_home(), "hub")


def _torch_home() -> str:
    caches = os.environ.get("XDG_CACHE_HOME") or "~/.cache"
    return os.path.expanduser(os.environ.get("TORCH_HOME") or os.path.join(caches, "torch"))


# Held while the environment is not the caller's own; a child is not forked in between.
_environment_lock = threading.Lock()
os.register_at_fork(before=_environment_lock.acquire, after_in_parent=_environment_lock.release,
                    after_in_child=_environment_lock.release)


@contextlib.contextmanager
def told_to_supervisor(folder: str) -> Iterator[None]:
    """A supervisor that is started in the block uses `folder`, a result of `hub_folder`.

    It reads the environment, once, as it starts, and knows nothing of `set_dir`: TORCH_HOME names the folder for as
    long as the block takes. Where the environment says the same anyway, nothing is changed."""
    if _hub_dir is None and os.path.isabs(_torch_home()):
        yield
        return
    home = _torch_home_of(folder)
    with _environment_lock:
        before = os.environ.get("TORCH_HOME")
        os.environ["TORCH_HOME"] = home
        try:
            yield
        finally:
            if before is None:
                del os.environ["TORCH_HOME"]
            else:
                os.environ["TORCH_HOME"] = before


def _torch_home_of(folder: str) -> str:
    """A path whose `hub` is `folder`: its parent, or, where it has another name, a folder in it with a link back."""
    parent, name = os.path.split(folder)
    if name == "hub":
        return parent
    home = os.path.join(folder, "hubcell", "home")
    link = os.path.join(home, "hub")
    try:
        if not os.path.lexists(link):
            os.makedirs(home, exist_ok=True)
            with contextlib.suppress(FileExistsError):  # another process was quicker
                os.symlink(os.path.join("..", ".."), link)
        if not os.path.samefile(link, folder):
            raise SourceError(f"use the hub folder {folder}: {link} does not lead to it; remove that link")
    except OSError as refused:
        raise SourceError(f"use the hub folder {folder}: {link}: {refused.strerror}; "
                          "give set_dir a folder that you can write") from refused
    return home
