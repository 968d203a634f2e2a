"""Which repositories of GitHub the caller trusts: torch.hub's `trust_repo`, its prompt, and its list beside ours.

    <hub dir>/hubcell/trusted    owner/name lines; ours
    <hub dir>/trusted_list       owner_name lines; torch.hub's

Both are written, so that torch.hub asks no second time. torch.hub's `a_b_c` may mean a/b_c or a_b/c; it trusts both
then, and here neither is: of what it left, lines and folders, only that is believed which can be read in one way.
"""

from __future__ import annotations

import fcntl
import os
import re
import warnings
from typing import Any, FrozenSet, NamedTuple, Optional

from ._errors import Error

# Whom torch.hub trusts without asking.
_TRUSTED_OWNERS = ("facebookresearch", "facebookincubator", "pytorch", "fairinternal")
# What the supervisor takes for owner/name, with a ref behind ':' or '@'. What does not match is a URL, a folder, or a
# name that it refuses.
_OWNER_AND_NAME = re.compile(r"([\w.-]+)/([\w.-]+?)(?:\.git)?(?:[:@](.+))?", re.ASCII)


class _Repository(NamedTuple):
    owner: str
    name: str
    ref: Optional[str]

    @property
    def line(self) -> str:
        """In our list."""
        return f"{self.owner}/{self.name}"

    @property
    def torch_line(self) -> str:
        """In torch.hub's list, and in its prompt."""
        return f"{self.owner}_{self.name}"


def check(hub_folder: str, repository: str, trust_repo: Any) -> None:
    """Returns where the caller trusts `repository`, after asking if need be. Only owner/name names need trust.

    trust_repo: True: trusted, and remembered; False: asked for in any case; "check" or None: unless remembered.
    Raises hubcell.Error where the answer is no or there is none, ValueError where it is neither yes nor no.
    """
    if not (trust_repo is None or isinstance(trust_repo, bool) or trust_repo == "check"):
        raise ValueError(f'trust_repo={trust_repo!r}: expected True, False or "check"')
    found = _parse(repository)
    if found is None:
        return
    trusted = _is_trusted(hub_folder, found)
    if trust_repo is False or (trust_repo is not True and not trusted):
        _ask(found, trusted)
    if not trusted:
        _remember(hub_folder, found)


def _parse(repository: str) -> Optional[_Repository]:
    found = _OWNER_AND_NAME.fullmatch(repository)
    if found is None or repository.startswith(".") or found.group(2) in (".", ".."):
        return None
    return _Repository(*found.groups())


def _is_trusted(hub_folder: str, repository: _Repository) -> bool:
    return (repository.owner in _TRUSTED_OWNERS
            or repository.line in _lines(_our_list(hub_folder))
            or (repository.torch_line.count("_") == 1 and repository.torch_line in _lines(_torch_list(hub_folder)))
            or _was_downloaded(hub_folder, repository))


def _was_downloaded(hub_folder: str, repository: _Repository) -> bool:
    """Whether torch.hub has the repository from before it asked for trust: a folder of its own, owner_name_ref. A link
    of that name is hubcell's."""
    refs = [repository.ref.replace("/", "_")] if repository.ref else ["main", "master"]
    for name in (f"{repository.torch_line}_{ref}" for ref in refs):
        path = os.path.join(hub_folder, name)
        if name.count("_") == 2 and os.path.isdir(path) and not os.path.islink(path):
            return True
    return False


def _ask(repository: _Repository, trusted: bool) -> None:
    try:
        response = input(f"The repository {repository.torch_line} does not belong to the list of trusted repositories "
                         "and as such cannot be downloaded. Do you trust this repository and wish to add it to the "
                         "trusted list of repositories (y/N)?")
    except (EOFError, RuntimeError):  # input() raises RuntimeError where there is no stdin at all
        raise Error(f"trust {repository.line}: it is not in the list of trusted repositories, and stdin has ended "
                    "without an answer; if you trust its code, pass trust_repo=True") from None
    if response.lower() in ("y", "yes"):
        if trusted:
            print("The repository is already trusted.")
    elif response.lower() in ("n", "no", ""):
        raise Error("Untrusted repository.")
    else:
        raise ValueError(f"Unrecognized response {response}.")


# ---- the lists


def _our_list(hub_folder: str) -> str:
    return os.path.join(hub_folder, "hubcell", "trusted")


def _torch_list(hub_folder: str) -> str:
    return os.path.join(hub_folder, "trusted_list")


def _lines(path: str) -> FrozenSet[str]:
    """Of a list that cannot be read: none, so that the caller is asked."""
    try:
        with open(path, "rb") as file:
            fcntl.flock(file, fcntl.LOCK_SH)  # half a line may be another repository's name
            return _split(file.read())
    except OSError:
        return frozenset()


def _split(content: bytes) -> FrozenSet[str]:
    return frozenset(line.strip() for line in content.decode(errors="replace").split("\n"))


def _remember(hub_folder: str, repository: _Repository) -> None:
    """Where it cannot be written down the caller's answer still holds, once: a hub folder may be read-only."""
    for path, line in ((_our_list(hub_folder), repository.line), (_torch_list(hub_folder), repository.torch_line)):
        try:
            _append(path, line)
        except OSError as refused:
            warnings.warn(f"remember that {repository.line} is trusted: {path}: {refused.strerror}; the next load asks "
                          "again", stacklevel=5)


def _append(path: str, line: str) -> None:
    """Adds a line that is not there yet. The lock keeps it one line; who takes lines out has to write the file in place
    under the same lock."""
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "a+b") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        file.seek(0)
        content = file.read()
        if line not in _split(content):
            end_of_last = b"" if not content or content.endswith(b"\n") else b"\n"
            file.write(end_of_last + line.encode() + b"\n")
