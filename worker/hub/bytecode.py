"""The code of a commit's Python files, compiled once and then read by every worker of that commit.

A checkout is read-only, so that Python keeps no __pycache__ there and would compile all of it for each worker. Instead a process
in a sandbox of its own, in which nothing foreign runs, compiles the files into one archive; the supervisor stores it where no
worker can write, and maps it into workers of that commit alone. All else is Python's own: a file that is not in the archive, or
is not what was compiled, is read and compiled as ever.

    archive: number of its bytes, number of the index' bytes (8 each, little-endian)
             index (marshal): {path in the checkout: (mtime_ns, bytes, begin of its code, end)}
             codes (marshal), counted from the archive's begin
"""

import functools
import importlib.machinery
import marshal
import os
import stat
import sys
import types
import warnings
from importlib.util import MAGIC_NUMBER

HEAD_BYTES = 16
SOURCE_BYTES_MAX = 1 << 20  # of one file
SOURCES_BYTES_MAX = 16 << 20  # of all
SUFFIX = ".py"


def tag():
    """What tells archives of one Python from those of another."""
    return f"{sys.implementation.cache_tag}-{MAGIC_NUMBER.hex()}"


def compile_checkout(checkout, bytes_max):
    """The archive. Files that no Python can compile are left out, and so is what it has no room for."""
    warnings.simplefilter("ignore")
    index, codes, source_bytes, code_bytes = {}, [], 0, 0
    for path, status in source_files(checkout):
        source_bytes += status.st_size
        code = compiled(path)
        if source_bytes > SOURCES_BYTES_MAX or code_bytes + len(code) > bytes_max // 2:
            break
        if code:
            index[os.path.relpath(path, checkout)] = status.st_mtime_ns, status.st_size, code_bytes, code_bytes + len(code)
            codes.append(code)
            code_bytes += len(code)
    return packed(index, codes)


def source_files(checkout):
    """(path, status) of each; links lead elsewhere."""
    for folder, folders, names in os.walk(checkout):
        folders.sort()
        for name in sorted(names):
            path = os.path.join(folder, name)
            status = os.lstat(path)
            if name.endswith(SUFFIX) and stat.S_ISREG(status.st_mode) and status.st_size <= SOURCE_BYTES_MAX:
                yield path, status


def compiled(path):
    """The marshalled code, as importlib compiles it; empty where it cannot be."""
    try:
        with open(path, "rb") as file:
            return marshal.dumps(compile(file.read(), path, "exec", dont_inherit=True))
    except Exception:  # of an older Python, a template of some other language, nested too deep, ...
        return b""


def packed(index, codes):
    # Numbers take as many bytes as they are large: the index is written until its size is that for which it was written.
    index_bytes = 0
    while True:
        begin = HEAD_BYTES + index_bytes
        text = marshal.dumps({path: (mtime, size, begin + first, begin + last)
                              for path, (mtime, size, first, last) in index.items()}, 2)
        if len(text) == index_bytes:
            break
        index_bytes = len(text)
    archive = text + b"".join(codes)
    return (HEAD_BYTES + len(archive)).to_bytes(8, "little") + len(text).to_bytes(8, "little") + archive


class Archive:
    """That of `checkout`. It came from that commit's own files, and is no more trusted than they are: nothing of it is looked at
    before its first module is imported, when the worker is in its sandbox."""

    def __init__(self, checkout, content):
        self._below = os.path.join(checkout, "")
        self._content = content

    @functools.cached_property
    def _index(self):
        index_bytes = int.from_bytes(self._content[8:HEAD_BYTES], "little")
        return marshal.loads(self._content[HEAD_BYTES:HEAD_BYTES + index_bytes])

    def holds(self, folder):
        return os.path.join(folder, "").startswith(self._below)

    def find(self, path):
        """The code of the file, None where it has none of what the file is now."""
        known = self._index.get(path[len(self._below):]) if path.startswith(self._below) else None
        if known is None:
            return None
        mtime_ns, size, begin, end = known
        status = os.stat(path)
        if (status.st_mtime_ns, status.st_size) != (mtime_ns, size):
            return None
        code = marshal.loads(self._content[begin:end])
        return code if isinstance(code, types.CodeType) and code.co_filename == path else None


class Loader(importlib.machinery.SourceFileLoader):
    archive = None

    def get_code(self, fullname):
        try:
            code = self.archive.find(self.path)
        except Exception:  # a damaged archive
            code = None
        return super().get_code(fullname) if code is None else code


def use(checkout, content):
    """From now on, in this process, for the files of `checkout`. Returns the loader for one of them."""
    Loader.archive = Archive(checkout, content)
    sys.path_hooks.insert(0, find_in_checkout)
    return Loader


def find_in_checkout(path):
    """As importlib's own hook: the same kinds of files, in the same order."""
    if not Loader.archive.holds(path) or not os.path.isdir(path):
        raise ImportError("not of the checkout", path=path)
    kinds = importlib.machinery
    return kinds.FileFinder(path, (kinds.ExtensionFileLoader, kinds.EXTENSION_SUFFIXES), (Loader, kinds.SOURCE_SUFFIXES),
                            (kinds.SourcelessFileLoader, kinds.BYTECODE_SUFFIXES))
