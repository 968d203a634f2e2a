"""Checks what reviews forget: the direction of includes, the places of third-party headers, co_await, sizes, names.

usage: check_structure.py [--self-test] [CHECKOUT]
"""
import os
import subprocess
import sys

import co_await
import includes
import self_test
import text_rules

IGNORED_FOLDERS = {".git", "build", "__pycache__"}


def tracked_files(root):
    """What git tracks or would track; without git, or in a tree that another user owns, what lies there."""
    command = ["git", "-c", "safe.directory=*", "-C", root, "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    try:
        listed = subprocess.run(command, capture_output=True, check=True, text=True).stdout.split("\0")
        return sorted({path for path in listed if os.path.isfile(os.path.join(root, path))})
    except (OSError, subprocess.CalledProcessError):
        pass
    found = []
    for folder, folders, files in os.walk(root):
        folders[:] = [name for name in folders if name not in IGNORED_FOLDERS]
        found += [os.path.relpath(os.path.join(folder, name), root) for name in files]
    return sorted(found)


def read_texts(root):
    texts = {}
    for path in tracked_files(root):
        with open(os.path.join(root, path), "rb") as file:
            content = file.read()
        if b"\0" not in content:
            texts[path] = content.decode("utf-8", errors="replace")
    return texts


def check_tree(root):
    texts = read_texts(root)
    sources = {path: text for path, text in texts.items() if path.endswith((".h", ".cc"))}
    complaints = [*includes.check(sources), *co_await.check(sources), *text_rules.check(texts)]
    for complaint in complaints:
        print(complaint)
    print(f"{len(sources)} sources and {len(texts)} texts looked at, {len(complaints)} complaints")
    return 1 if complaints or not sources else 0


def main(arguments):
    if arguments[:1] == ["--self-test"]:
        return self_test.run()
    here = os.path.dirname(os.path.abspath(__file__))
    return check_tree(arguments[0] if arguments else os.path.dirname(os.path.dirname(here)))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
