"""What the attempts are written with. Copied into each group's repository, so that it runs where they run: in a worker.

An attempt is a function that does what a hostile model would do. It returns where it got through, and raises OSError or
Refused where it did not.
"""

import ctypes
import os
import platform

ATTEMPTS = {}
# Those that change the process that they run in, or end it where they are refused: each has a worker of its own.
ALONE = set()
libc = ctypes.CDLL(None, use_errno=True)
libc.syscall.restype = ctypes.c_long
# Of asm/unistd.h: what Python has no function for.
NUMBERS = {"x86_64": {
    "process_vm_readv": 310, "ptrace": 101, "kcmp": 312, "pidfd_open": 434, "pidfd_getfd": 438, "pidfd_send_signal": 424,
    "tgkill": 234, "tkill": 200, "io_uring_setup": 425, "unshare": 272, "setns": 308, "mount": 165, "umount2": 166,
    "chroot": 161, "bpf": 321, "perf_event_open": 298, "userfaultfd": 323, "add_key": 248, "keyctl": 250, "init_module": 175,
    "syslog": 103, "sethostname": 170, "personality": 135, "modify_ldt": 154, "iopl": 172, "ioperm": 173,
    "name_to_handle_at": 303, "fanotify_init": 300, "memfd_create": 319, "memfd_secret": 447, "prctl": 157, "setresuid": 117,
    "prlimit64": 302, "clone": 56, "clone3": 435, "fork": 57, "ioprio_set": 251, "inotify_init1": 294, "open_tree": 428,
    "fsopen": 430, "shmget": 29, "shmctl": 31, "msgget": 68, "msgctl": 71, "rt_sigqueueinfo": 129, "move_pages": 279}}.get(platform.machine(), {})


class Refused(Exception):
    """It went as far as it could, and nothing came of it."""


def attempt(function):
    ATTEMPTS[function.__name__] = function
    return function


def attempt_alone(function):
    ALONE.add(function.__name__)
    return attempt(function)


def syscall(name, *arguments):
    """Its answer; OSError where that is an error."""
    if name not in NUMBERS:
        raise Refused(f"no number of {name} is known here")
    answer = libc.syscall(ctypes.c_long(NUMBERS[name]), *(ctypes.c_char_p(a) if isinstance(a, bytes) else
                                                          a if isinstance(a, (ctypes._Pointer, ctypes.Array)) or hasattr(a, "_obj")
                                                          else ctypes.c_long(a) for a in arguments))
    if answer < 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
    return answer


def must(condition):
    if not condition:
        raise Refused("nothing came of it")


def list_attempts():
    """(names of those that can share a worker, names of the others)"""
    return sorted(ATTEMPTS.keys() - ALONE), sorted(ALONE)


def run(names, targets):
    """{name: None where it got through, else why not}."""
    outcomes = {}
    for name in names:
        try:
            ATTEMPTS[name](targets)
            outcomes[name] = None
        except (OSError, Refused, MemoryError, RuntimeError, ImportError, AttributeError, ValueError) as refusal:
            outcomes[name] = f"{type(refusal).__name__}: {refusal}"
    return outcomes
