"""git for tests in Python: without this machine's configuration, and as the same person on the same day."""

import os
import subprocess

DEADLINE_S = 120
_ENVIRONMENT = {"GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1",
                **{f"GIT_{role}_{part}": value for role in ("AUTHOR", "COMMITTER") for part, value in
                   (("NAME", "Test"), ("EMAIL", "test@example.org"), ("DATE", "2024-01-01T00:00:00Z"))}}


def git(folder, *words):
    """What `git words...` prints in `folder`. Raises subprocess.CalledProcessError where it fails."""
    return subprocess.run(("git", *words), cwd=folder, env={**os.environ, **_ENVIRONMENT}, check=True, capture_output=True,
                          text=True, timeout=DEADLINE_S).stdout.strip()
