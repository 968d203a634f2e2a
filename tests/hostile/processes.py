"""Processes: starting them, signalling them, looking into them, and slowing them down."""

import ctypes
import multiprocessing
import os
import signal
import subprocess
import threading

from attempt import attempt, attempt_alone, must, syscall


def reap(pid):
    if pid == 0:
        os._exit(0)
    os.waitpid(pid, 0)


@attempt
def forks(t):
    reap(os.fork())


@attempt
def forks_by_number(t):
    reap(syscall("fork"))


@attempt
def clones_a_process(t):
    reap(syscall("clone", signal.SIGCHLD, 0, 0, 0, 0))


@attempt
def clones_by_the_newest_call(t):
    arguments = (ctypes.c_uint64 * 8)(0, 0, 0, 0, signal.SIGCHLD, 0, 0, 0)
    reap(syscall("clone3", ctypes.pointer(arguments), 64))


@attempt
def clones_into_a_user_namespace(t):
    reap(syscall("clone", signal.SIGCHLD | 0x10000000, 0, 0, 0, 0))


@attempt
def starts_a_shell(t):
    must(subprocess.run(["/bin/sh", "-c", "true"], check=True).returncode == 0)


@attempt
def spawns_a_program(t):
    reap(os.posix_spawn("/bin/true", ["true"], {}))


@attempt
def becomes_a_program_that_is_not_there(t):
    # Allowed it would say ENOENT, and this process would be gone where it were there.
    try:
        os.execv("/nonexistent", ["x"])
    except FileNotFoundError:
        return


@attempt
def runs_a_program_of_its_own(t):
    with open("program", "w", encoding="utf-8") as file:
        file.write("#!/bin/sh\n")
    os.chmod("program", 0o755)
    subprocess.run(["./program"], check=True)


@attempt
def starts_a_pool(t):
    process = multiprocessing.get_context("fork").Process(target=int)
    process.start()
    process.join()


@attempt
def signals_another_process(t):
    os.kill(t["pid"], 0)


@attempt
def signals_its_parent(t):
    os.kill(os.getppid(), 0)


@attempt
def signals_everybody(t):
    os.kill(-1, 0)


@attempt
def signals_its_group(t):
    os.killpg(0, 0)


@attempt
def signals_a_thread_of_another(t):
    syscall("tgkill", t["pid"], t["pid"], 0)


@attempt
def signals_a_thread_by_its_number(t):
    syscall("tkill", t["pid"], 0)


@attempt
def queues_a_signal(t):
    info = (ctypes.c_int * 32)(0, 0, -1)
    syscall("rt_sigqueueinfo", t["pid"], 0, ctypes.pointer(info))


@attempt
def holds_another_process(t):
    os.close(syscall("pidfd_open", t["pid"], 0))


@attempt
def signals_by_a_descriptor(t):
    descriptor = syscall("pidfd_open", t["pid"], 0)
    syscall("pidfd_send_signal", descriptor, 0, 0, 0)


@attempt
def takes_a_descriptor_of_another(t):
    descriptor = syscall("pidfd_open", t["pid"], 0)
    os.close(syscall("pidfd_getfd", descriptor, 0, 0))


@attempt
def traces_another_process(t):
    syscall("ptrace", 0x4206, t["pid"], 0, 0)  # PTRACE_SEIZE
    syscall("ptrace", 0x4207, t["pid"], 0, 0)  # PTRACE_INTERRUPT, so that it can be let go
    os.waitpid(t["pid"], 0x40000000)
    syscall("ptrace", 17, t["pid"], 0, 0)  # PTRACE_DETACH


class Span(ctypes.Structure):
    _fields_ = [("base", ctypes.c_void_p), ("size", ctypes.c_size_t)]


@attempt
def reads_memory_of_another_process(t):
    buffer = ctypes.create_string_buffer(8)
    with open(f"/proc/{t['pid']}/maps", encoding="utf-8") as maps:
        begin = int(maps.read().partition("-")[0], 16)
    here, there = Span(ctypes.addressof(buffer), 8), Span(begin, 8)
    syscall("process_vm_readv", t["pid"], ctypes.pointer(here), 1, ctypes.pointer(there), 1, 0)


@attempt
def reads_its_own_memory_by_the_call_for_others(t):
    buffer, source = ctypes.create_string_buffer(8), ctypes.create_string_buffer(b"12345678")
    here, there = Span(ctypes.addressof(buffer), 8), Span(ctypes.addressof(source), 8)
    syscall("process_vm_readv", os.getpid(), ctypes.pointer(here), 1, ctypes.pointer(there), 1, 0)


@attempt
def compares_itself_with_another(t):
    syscall("kcmp", os.getpid(), t["pid"], 0, 0, 0)


@attempt
def slows_another_process_down(t):
    os.setpriority(os.PRIO_PROCESS, t["pid"], 1)


@attempt
def binds_another_process_to_a_processor(t):
    os.sched_setaffinity(t["pid"], os.sched_getaffinity(0))


@attempt
def asks_for_all_processors(t):
    os.sched_setaffinity(0, os.sched_getaffinity(0))


@attempt
def limits_another_process(t):
    limit = (ctypes.c_uint64 * 2)()
    syscall("prlimit64", t["pid"], 7, 0, ctypes.pointer(limit))


@attempt
def orders_the_disk_for_another_process(t):
    syscall("ioprio_set", 1, t["pid"], 0x4007)


@attempt_alone
def leaves_its_session(t):
    # A leader of a group may not, and is told so by the kernel.
    os.setpgid(0, 0)


@attempt_alone
def starts_more_threads_than_it_may(t):
    end = threading.Event()
    try:
        for _ in range(2000):
            threading.Thread(target=end.wait).start()
    finally:
        end.set()


@attempt
def outlives_its_template(t):
    syscall("prctl", 1, 0, 0, 0, 0)  # PR_SET_PDEATHSIG

