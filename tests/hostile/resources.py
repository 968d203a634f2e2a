"""More of the machine than the worker was given: memory, files, threads, time."""

import ctypes
import mmap
import os
import resource
import time

import torch

from attempt import attempt, attempt_alone, libc, must

MEBIBYTE = 1 << 20
# Above what the test gives a worker (hostile_test.py: 256 MiB of memory, 16 MiB of files, 2 s).
TOO_MUCH = 384 * MEBIBYTE
TOO_LARGE = 24 * MEBIBYTE
TOO_LONG_S = 3
GROWS_LIKE_A_STACK = 0x0100


@attempt
def allocates_at_once(t):
    must(len(bytearray(TOO_MUCH)))


@attempt
def allocates_a_tensor(t):
    must(torch.empty(TOO_MUCH, dtype=torch.uint8).numel())


@attempt_alone
def allocates_little_by_little(t):
    parts = [torch.zeros(MEBIBYTE, dtype=torch.uint8) for _ in range(TOO_MUCH // MEBIBYTE)]
    must(parts)


def maps(bytes_, flags, protection=mmap.PROT_READ | mmap.PROT_WRITE):
    # Mapped, and let go: that it can be is what counts.
    mmap.mmap(-1, bytes_, flags=flags, prot=protection).close()


@attempt
def maps_memory_of_its_own(t):
    maps(TOO_MUCH, mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)


@attempt
def maps_memory_that_is_shared_with_nobody(t):
    maps(TOO_MUCH, mmap.MAP_SHARED | mmap.MAP_ANONYMOUS)


@attempt
def maps_memory_that_grows_like_a_stack(t):
    maps(TOO_MUCH, mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS | GROWS_LIKE_A_STACK)


@attempt
def makes_memory_writable_later(t):
    memory = mmap.mmap(-1, TOO_MUCH, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS, prot=mmap.PROT_READ)
    must(libc.mprotect(ctypes.c_void_p(address_of(memory)), ctypes.c_size_t(TOO_MUCH), 3) == 0)


def address_of(memory):
    """Of a mapping that cannot be written, which ctypes does not give: the newest of its size."""
    with open("/proc/self/maps", encoding="utf-8") as lines:
        for line in lines:
            begin, end = (int(part, 16) for part in line.split()[0].split("-"))
            if end - begin >= len(memory) and line.split()[1].startswith("r--p"):
                return begin
    raise OSError("its mapping is not listed")


@attempt
def maps_more_than_the_tables_of_the_kernel_should_tell(t):
    maps(1 << 42, mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS, mmap.PROT_READ)


@attempt
def locks_memory(t):
    memory = mmap.mmap(-1, MEBIBYTE, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
    at = ctypes.addressof(ctypes.c_char.from_buffer(memory))
    must(libc.mlock(ctypes.c_void_p(at), ctypes.c_size_t(MEBIBYTE)) == 0)


@attempt
def opens_more_files_than_it_may(t):
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (resource.getrlimit(resource.RLIMIT_NOFILE)[1],) * 2)
    except (OSError, ValueError):
        pass
    opened = []
    try:
        for _ in range(4200):
            opened.append(os.open("/proc/self/status", os.O_RDONLY))
    finally:
        for descriptor in opened:
            os.close(descriptor)


def fill(name, bytes_):
    with open(name, "wb") as file:
        for _ in range(bytes_ // MEBIBYTE):
            file.write(b"\0" * MEBIBYTE)


@attempt
def fills_its_folder_with_one_file(t):
    try:
        fill("large", TOO_LARGE)
    finally:
        os.unlink("large")


@attempt
def reserves_space(t):
    with open("reserved", "wb") as file:
        try:
            os.posix_fallocate(file.fileno(), 0, TOO_LARGE)
        finally:
            os.unlink("reserved")


@attempt
def fills_its_folder_with_many_files(t):
    names = [f"part{i}" for i in range(4)]
    try:
        for name in names:
            fill(name, TOO_LARGE // 4)
        for name in range(TOO_LARGE // 16384):
            names.append(f"empty{name}")
            with open(names[-1], "wb"):
                pass
    finally:
        for name in names:
            if os.path.exists(name):
                os.unlink(name)


@attempt_alone
def computes_longer_than_it_may(t):
    end = time.monotonic() + TOO_LONG_S
    while time.monotonic() < end:
        try:
            time.sleep(0.01)
        except BaseException:  # noqa: B902
            pass
