"""Whether the caller trusts a repository of GitHub: torch.hub's `trust_repo` and its prompt. The lists are in C++
(tools/client/trust.h)."""

from __future__ import annotations

import warnings
from typing import Any

from . import _hubcell
from ._errors import Error


def check(hub_folder: str, repository: str, trust_repo: Any) -> None:
    """Returns where the caller trusts `repository`, after asking if need be. Only owner/name names need trust.

    trust_repo: True: trusted, and remembered; False: asked for in any case; "check" or None: unless remembered.
    Raises hubcell.Error where the answer is no or there is none, ValueError where it is neither yes nor no.
    """
    if not (trust_repo is None or isinstance(trust_repo, bool) or trust_repo == "check"):
        raise ValueError(f'trust_repo={trust_repo!r}: expected True, False or "check"')
    found = _hubcell.trust_of(hub_folder, repository)
    if found is None:
        return
    is_trusted, name, torch_name = found
    if trust_repo is False or (trust_repo is not True and not is_trusted):
        _ask(name, torch_name, is_trusted)
    if not is_trusted:
        _remember(hub_folder, repository, name)


def _ask(name: str, torch_name: str, is_trusted: bool) -> None:
    try:
        response = input(f"The repository {torch_name} does not belong to the list of trusted repositories "
                         "and as such cannot be downloaded. Do you trust this repository and wish to add it to the "
                         "trusted list of repositories (y/N)?")
    except (EOFError, RuntimeError):  # input() raises RuntimeError where there is no stdin at all
        raise Error(f"trust {name}: it is not in the list of trusted repositories, and stdin has ended "
                    "without an answer; if you trust its code, pass trust_repo=True") from None
    if response.lower() in ("y", "yes"):
        if is_trusted:
            print("The repository is already trusted.")
    elif response.lower() in ("n", "no", ""):
        raise Error("Untrusted repository.")
    else:
        raise ValueError(f"Unrecognized response {response}.")


def _remember(hub_folder: str, repository: str, name: str) -> None:
    """Where it cannot be written down the caller's answer still holds, once: a hub folder may be read-only."""
    for failure in _hubcell.remember_trust(hub_folder, repository):
        warnings.warn(f"remember that {name} is trusted: {failure}; the next load asks again", stacklevel=4)
