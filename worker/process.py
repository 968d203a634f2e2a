"""The steps of a template's and a worker's start that are Python's own."""

import contextlib
import gc
import os
import platform
import pwd
import re
import shutil
import signal
import sys
import time

TORCH_VERSION_MIN = (1, 13)
# Threads that were joined are gone from /proc a moment later.
THREADS_GONE_WITHIN_S = 1.0
# What code, libraries and their data lie in, of an interpreter's or a virtual environment's folder: the whole may be
# a project's folder, or hold other environments.
PREFIX_PARTS = ("bin", "etc", "lib", "lib32", "lib64", "share", "ssl", "pyvenv.cfg")
SYSTEM_PATHS = (
    "/usr", "/lib", "/lib32", "/lib64", "/bin",
    "/etc/ld.so.cache", "/etc/ld.so.conf", "/etc/ld.so.conf.d", "/etc/alternatives", "/etc/localtime",
    "/etc/timezone", "/etc/fonts", "/etc/mime.types", "/etc/passwd", "/etc/group", "/etc/nsswitch.conf",
    "/etc/os-release", "/etc/debian_version", "/dev/null", "/dev/zero", "/dev/urandom", "/dev/random",
    "/proc/self", "/proc/meminfo", "/proc/cpuinfo", "/proc/stat", "/proc/version", "/proc/filesystems",
    "/proc/sys/vm/overcommit_memory", "/proc/sys/kernel/random", "/sys/devices/system/cpu",
    "/sys/devices/system/node",
)
# Nobody's code lies right in these, so that a sys.path that names one does so by mistake.
NEVER_READABLE = ("/boot", "/dev", "/etc", "/home", "/media", "/mnt", "/proc", "/root", "/run", "/sys", "/tmp", "/var",
                  "/var/tmp")


def prepare_template():
    """Imports torch, and nothing else: a torchvision imported here would replace every checkout of it.

    Returns (Python's version, torch's version, the number of threads that torch uses in an untouched process).
    Raises RuntimeError with one line that says what is missing.
    """
    require_one_thread("before torch is imported (a .pth file or sitecustomize starts them?)")
    torch = import_torch()
    # What torch brings along anyway; a module that it does not would hide a repository's own of that name.
    with contextlib.suppress(Exception):
        import numpy  # noqa: F401
    import inspect, tempfile, traceback  # noqa: E401, F401
    threads = torch.get_num_threads()
    # A parallel region here would make every child that uses threads hang in libgomp.
    torch.set_num_threads(1)
    require_one_thread("after torch is imported (something that torch imports there starts them)")
    return platform.python_version(), str(torch.__version__), threads


def freeze():
    """The last step: what is there is left alone by the collectors of workers, whose memory stays the template's."""
    gc.collect()
    gc.freeze()


def import_torch():
    try:
        import torch

        require_version(torch)
        import torch.utils.dlpack
    except UnfitTorch as error:
        raise RuntimeError(f"{error} or choose another with --python") from None
    except BaseException as error:  # a torch that raises whatever it likes, SystemExit too
        reason = str(error) if isinstance(error, ImportError) else f"{type(error).__name__}: {error}"
        advice = "install torch there" if getattr(error, "name", None) == "torch" else "repair torch there"
        if sys.prefix == "/usr":
            advice += " (Debian: apt install python3-torch)"
        raise RuntimeError(
            f"it cannot import torch ({one_line(reason)}); {advice} or choose another with --python") from None
    return torch


class UnfitTorch(Exception):
    """One that could be imported."""


def require_version(torch):
    version = re.match(r"(\d+)\.(\d+)", str(getattr(torch, "__version__", "")))
    if not version:
        raise UnfitTorch(f"its torch is not PyTorch: {place_of(torch)} tells no version; install torch there")
    if tuple(map(int, version.groups())) < TORCH_VERSION_MIN:
        wanted = ".".join(map(str, TORCH_VERSION_MIN))
        raise UnfitTorch(f"it has torch {one_line(torch.__version__)}, and workers need {wanted} or later; install that there")


def place_of(module):
    return getattr(module, "__file__", None) or ", ".join(getattr(module, "__path__", [])) or repr(module)


def one_line(text, length_max=500):
    line = " ".join(str(text).split())
    return line if len(line) <= length_max else line[:length_max] + " ..."


def require_one_thread(when):
    """A child that was forked while another thread held a lock would wait for it for ever."""
    end = time.monotonic() + THREADS_GONE_WITHIN_S
    while others := names_of_other_threads():
        if time.monotonic() > end:
            raise RuntimeError(f"it runs {len(others)} more thread{'s' if len(others) > 1 else ''} {when}: "
                               f"{one_line(', '.join(others))}; workers are forked from one thread, so start none there "
                               "or choose another with --python")
        time.sleep(0.01)


def names_of_other_threads():
    """Python's names where Python started them, else the kernel's."""
    known = {}
    if "threading" in sys.modules:
        known = {thread.native_id: thread.name for thread in sys.modules["threading"].enumerate()}
    names = []
    for task in os.listdir("/proc/self/task"):
        if int(task) == os.getpid():
            continue
        with contextlib.suppress(OSError), open(f"/proc/self/task/{task}/comm", encoding="utf-8", errors="replace") as file:
            names.append(f"'{known.get(int(task)) or file.read().strip()}'")
    return names


def readable_paths():
    """Files and folders that Python code needs to read beside its checkout: the interpreter and the system's libraries.

    Called in the template, whose HOME is still the user's: neither that nor a folder that holds it becomes readable,
    whatever sys.path says.
    """
    closed = [os.path.realpath(path) for path in (*NEVER_READABLE, *private_folders())]
    prefixes = {sys.prefix, sys.base_prefix, sys.exec_prefix, sys.base_exec_prefix}
    wanted = {os.path.join(prefix, part) for prefix in prefixes if is_code_folder(prefix, closed) for part in PREFIX_PARTS}
    wanted.update(path for path in (*sys.path, *editable_paths()) if os.path.isabs(path) and is_code_folder(path, closed))
    return sorted(wanted) + list(SYSTEM_PATHS)


def is_code_folder(path, closed):
    """False for one of `closed`, and for a folder that holds one of them."""
    real = os.path.realpath(path)
    return not any(os.path.commonpath((real, folder)) == real for folder in closed)


def private_folders():
    """The user's home, and what holds the scratch folders of all workers."""
    folders = {os.path.expanduser("~"), os.environ.get("TMPDIR", "")}
    with contextlib.suppress(KeyError):
        folders.add(pwd.getpwuid(os.getuid()).pw_dir)
    return [folder for folder in folders if os.path.isabs(folder)]


def editable_paths():
    """Where packages lie that setuptools installed with `pip install --editable` by a finder instead of a path."""
    for name, module in list(sys.modules.items()):
        if name.startswith("__editable__") and isinstance(getattr(module, "MAPPING", None), dict):
            for path in map(str, module.MAPPING.values()):
                yield from (path, path + ".py")


def rehearse(seed_random_states):
    """In a child that waits for its order: it writes to the pages that a load will write to. Random states are seeded anew then."""
    torch = sys.modules["torch"]
    seed_random_states(0)
    with torch.no_grad():
        torch.nn.Linear(1, 1)(torch.ones(1, 1))


def prepare_worker(on_interrupt):
    """In the child, before the sandbox: what an interrupt does."""
    signal.signal(signal.SIGINT, on_interrupt)


def furnish(scratch, threads):
    """In the sandbox: torch's threads, which some builds start here; the scratch folder, where it works, by all its names."""
    os.environ.pop("OPENBLAS_NUM_THREADS", None)
    sys.modules["torch"].set_num_threads(threads)
    os.chdir(scratch)
    for name in ("HOME", "TMPDIR", "TORCH_HOME"):
        os.environ[name] = scratch
    # Packages that find no ~/.config write beside it, where a worker may not.
    for name, folder in (("XDG_CACHE_HOME", ".cache"), ("XDG_CONFIG_HOME", ".config"), ("XDG_DATA_HOME", ".local/share")):
        os.environ[name] = os.path.join(scratch, folder)
        os.makedirs(os.environ[name], exist_ok=True)
    if "tempfile" in sys.modules:
        sys.modules["tempfile"].tempdir = None


def copy_checkout(checkout, target):
    """Its files, folders and links, all to be written; their modes cannot be kept, since a worker changes none."""
    for folder, folders, files in os.walk(checkout):
        place = os.path.normpath(os.path.join(target, os.path.relpath(folder, checkout)))
        os.makedirs(place, exist_ok=True)
        for name in files + [name for name in folders if os.path.islink(os.path.join(folder, name))]:
            shutil.copyfile(os.path.join(folder, name), os.path.join(place, name), follow_symlinks=False)
