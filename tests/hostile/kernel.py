"""The kernel: calls that are rarely needed and often broken, and undoing the sandbox."""

import ctypes
import mmap
import os
import resource

from attempt import ALONE, ATTEMPTS, attempt, attempt_alone, must, syscall

CALLS = {
    "opens_a_tree_of_mounts": ("open_tree", -100, b"/", 1),
    "makes_a_file_system": ("fsopen", b"tmpfs", 0),
    "reads_the_log_of_the_kernel": ("syslog", 10, 0, 0), "becomes_another_personality": ("personality", 0),
    "maps_a_segment": ("modify_ldt", 0, 0, 0), "asks_for_ports": ("ioperm", 0x80, 1, 0),
    "raises_its_io_level": ("iopl", 0), "makes_a_memfd": ("memfd_create", b"hostile", 0),
    "makes_a_secret_memory": ("memfd_secret", 0), "watches_all_files": ("fanotify_init", 0, 0),
    "handles_page_faults": ("userfaultfd", 1), "moves_its_pages": ("move_pages", 0, 0, 0, 0, 0, 0),
    "gets_every_capability_asked_for": ("prctl", 47, 4, 0, 0, 0), "can_be_dumped_again": ("prctl", 4, 1, 0, 0, 0),
    "keeps_its_capabilities": ("prctl", 8, 1, 0, 0, 0), "takes_orphans": ("prctl", 36, 1, 0, 0, 0),
    "traps_its_own_calls": ("prctl", 59, 0, 0, 0, 0),
}


def calls(name, *arguments):
    def makes_the_call(t):
        answer = syscall(name, *arguments)
        if name in ("open_tree", "fsopen", "memfd_create", "memfd_secret", "fanotify_init", "userfaultfd"):
            os.close(answer)
    return makes_the_call


for _name, _what in CALLS.items():
    ATTEMPTS[_name] = calls(*_what)
for _name, _what in {"changes_its_root": ("chroot", b"."), "enters_a_user_namespace": ("unshare", 0x10000000),
                     "enters_a_mount_namespace": ("unshare", 0x20000), "enters_a_network_namespace": ("unshare", 0x40000000)}.items():
    ATTEMPTS[_name] = calls(*_what)
    ALONE.add(_name)


@attempt
def mounts_a_file_system(t):
    syscall("mount", b"none", b".", b"tmpfs", 0, 0)
    syscall("umount2", b".", 2)


@attempt
def shares_memory_by_a_number(t):
    syscall("shmctl", syscall("shmget", 0, 4096, 0o1600), 0, 0)


@attempt
def makes_a_queue_by_a_number(t):
    syscall("msgctl", syscall("msgget", 0, 0o1600), 0, 0)


@attempt
def loads_a_program_into_the_kernel(t):
    attributes = (ctypes.c_uint32 * 32)(2, 4, 4, 1)  # an array map
    os.close(syscall("bpf", 0, ctypes.pointer(attributes), 128))


@attempt
def counts_events(t):
    attributes = (ctypes.c_uint32 * 32)(1, 128, 1)  # the software clock
    os.close(syscall("perf_event_open", ctypes.pointer(attributes), 0, -1, -1, 0))


@attempt
def adds_a_key(t):
    must(syscall("add_key", b"user", b"hostile", b"payload", 7, -2) > 0)


@attempt
def lists_its_keys(t):
    must(syscall("keyctl", 0, -3, 0) != 0)


@attempt
def loads_a_module(t):
    # Root is told that these bytes are no module.
    try:
        syscall("init_module", b"xxxx", 4, b"")
    except OSError as error:
        if error.errno != 8:
            raise


@attempt
def names_the_host(t):
    name = os.uname().nodename.encode()
    syscall("sethostname", name, len(name))


@attempt_alone
def enters_the_namespace_of_another(t):
    with open(f"/proc/{t['pid']}/ns/net", "rb") as namespace:
        syscall("setns", namespace.fileno(), 0)


@attempt_alone
def makes_a_call_of_32_bits(t):
    # getpid by int 0x80.
    code = mmap.mmap(-1, 4096, prot=mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC)
    code.write(b"\xb8\x14\x00\x00\x00\xcd\x80\xc3")
    call = ctypes.CFUNCTYPE(ctypes.c_int)(ctypes.addressof(ctypes.c_char.from_buffer(code)))
    must(call() == os.getpid())


@attempt_alone
def becomes_another_user(t):
    syscall("setresuid", 65534, 65534, 65534)


@attempt
def raises_a_limit(t):
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard + 1))


@attempt
def sets_a_limit(t):
    resource.setrlimit(resource.RLIMIT_CORE, resource.getrlimit(resource.RLIMIT_CORE))


@attempt
def has_a_capability(t):
    with open("/proc/self/status", encoding="utf-8") as status:
        effective = [line for line in status if line.startswith("CapEff:")][0]
    must(int(effective.split()[1], 16) != 0)
