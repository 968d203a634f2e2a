"""What a worker has open: its socket to the supervisor, the memory that it shares with the program, its output."""

import fcntl
import os
import signal
import socket
import stat

from attempt import attempt, must


def descriptors(kind):
    """Numbers of those that are of a kind: "memfd:", "socket:", "pipe:", ..."""
    found = []
    for name in os.listdir("/proc/self/fd"):
        try:
            if os.readlink(f"/proc/self/fd/{name}").lstrip("/").startswith(kind):
                found.append(int(name))
        except OSError:
            pass
    return found


def any_of(kind, abuse):
    """Whether `abuse` of one of them works."""
    works = False
    for number in descriptors(kind):
        try:
            abuse(number)
            works = True
        except OSError:
            pass
    must(works)


@attempt
def has_files_of_others_open(t):
    strange = []
    for name in os.listdir("/proc/self/fd"):
        path = f"/proc/self/fd/{name}"
        if int(name) > 2 and os.path.exists(path) and not os.readlink(path).startswith(("/memfd:", "/proc/")):
            strange += [name] if stat.S_IFMT(os.stat(path).st_mode) in (stat.S_IFREG, stat.S_IFDIR, stat.S_IFBLK) else []
    must(strange)


@attempt
def shrinks_what_it_shares(t):
    any_of("memfd:", lambda number: os.ftruncate(number, 0))


@attempt
def grows_what_it_shares(t):
    any_of("memfd:", lambda number: os.ftruncate(number, os.fstat(number).st_size + 4096))


@attempt
def seals_what_it_shares(t):
    any_of("memfd:", lambda number: fcntl.fcntl(number, fcntl.F_ADD_SEALS, 0x10))


@attempt
def directs_signals_of_a_descriptor(t):
    any_of("pipe:", lambda number: fcntl.fcntl(number, fcntl.F_SETOWN, t["pid"]))


@attempt
def chooses_the_signal_of_a_descriptor(t):
    any_of("pipe:", lambda number: fcntl.fcntl(number, 10, signal.SIGKILL))


@attempt
def types_into_a_terminal(t):
    any_of("dev/", lambda number: fcntl.ioctl(number, 0x5412, b"x"))


@attempt
def sends_its_socket_away(t):
    with socket.socket(socket.AF_UNIX) as unix:
        unix.connect(t["socket"])
        socket.send_fds(unix, [b"x"], descriptors("socket:"))


@attempt
def watches_a_folder_by_a_descriptor(t):
    folder = os.open(t["home"], os.O_RDONLY)
    try:
        fcntl.fcntl(folder, fcntl.F_NOTIFY, fcntl.DN_CREATE)
    finally:
        os.close(folder)
