"""The steps of a template's and a worker's start that are Python's own."""

import contextlib
import gc
import os
import platform
import signal
import sys


def prepare_template():
    """Imports torch, and nothing else: a torchvision imported here would replace every checkout of it.

    Returns (Python's version, torch's version, the number of threads that torch uses in an untouched process).
    Raises RuntimeError with one line that says what is missing.
    """
    if sys.version_info < (3, 9):
        raise RuntimeError(f"it is Python {platform.python_version()}; workers need 3.9 or later")
    try:
        import torch
    except ImportError as error:
        raise RuntimeError(f"it cannot import torch ({error}); install torch there or choose another with --python")
    # What torch brings along anyway; a module that it does not would hide a repository's own of that name.
    with contextlib.suppress(ImportError):
        import numpy  # noqa: F401
    import inspect, tempfile, traceback  # noqa: E401, F401
    import torch.utils.dlpack  # noqa: F401
    threads = torch.get_num_threads()
    # A parallel region here would make every child that uses threads hang in libgomp.
    torch.set_num_threads(1)
    gc.collect()
    gc.freeze()
    return platform.python_version(), torch.__version__, threads


def readable_paths():
    """Files and folders that Python code needs to read beside its checkout: the interpreter and the system's libraries."""
    interpreter = {sys.prefix, sys.base_prefix, sys.exec_prefix, sys.base_exec_prefix, *sys.path}
    system = [
        "/usr", "/lib", "/lib32", "/lib64", "/bin",
        "/etc/ld.so.cache", "/etc/ld.so.conf", "/etc/ld.so.conf.d", "/etc/alternatives", "/etc/localtime",
        "/etc/timezone", "/etc/fonts", "/etc/mime.types", "/etc/passwd", "/etc/group", "/etc/nsswitch.conf",
        "/etc/os-release", "/etc/debian_version", "/dev/null", "/dev/zero", "/dev/urandom", "/dev/random",
        "/proc/self", "/proc/meminfo", "/proc/cpuinfo", "/proc/stat", "/proc/version", "/proc/filesystems",
        "/proc/sys/vm/overcommit_memory", "/proc/sys/kernel/random", "/sys/devices/system/cpu",
        "/sys/devices/system/node",
    ]
    return sorted(path for path in interpreter if path not in ("", "/") and os.path.isabs(path)) + system


def prepare_worker(scratch, threads, on_interrupt):
    """In the child, before the sandbox: its folder, its environment, torch's threads, what an interrupt does."""
    os.chdir(scratch)
    for name in ("HOME", "TMPDIR", "TORCH_HOME", "XDG_CACHE_HOME", "XDG_CONFIG_HOME", "XDG_DATA_HOME"):
        os.environ[name] = scratch
    os.environ.pop("OPENBLAS_NUM_THREADS", None)
    if "tempfile" in sys.modules:
        sys.modules["tempfile"].tempdir = None
    sys.modules["torch"].set_num_threads(threads)
    signal.signal(signal.SIGINT, on_interrupt)
