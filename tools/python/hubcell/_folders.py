"""The hub folder, where checkouts and the lists of trusted repositories lie: torch.hub's `get_dir` and `set_dir`."""

from __future__ import annotations

import os
import warnings
from typing import Optional, Union

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
