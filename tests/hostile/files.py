"""Files: of the user's, of other workers and checkouts, of other processes; and whether they are there."""

import ctypes
import os
import shutil
import socket

from attempt import attempt, libc, must, syscall


def content_of(path):
    with open(path, "rb") as file:
        return file.read()


@attempt
def reads_a_secret(t):
    must(content_of(t["secret"]))


@attempt
def lists_the_home_folder(t):
    must(os.listdir(t["home"]))


@attempt
def reads_a_secret_through_its_own_root(t):
    must(content_of("/proc/self/root" + t["secret"]))


@attempt
def reads_a_secret_from_above_its_folder(t):
    must(content_of(os.path.join("/proc/self/cwd", *[".."] * 20, t["secret"].lstrip("/"))))


@attempt
def reads_a_secret_by_a_symbolic_link(t):
    os.symlink(t["secret"], "link")
    must(content_of("link"))


@attempt
def links_a_secret_into_its_folder(t):
    os.link(t["secret"], "hard")
    must(content_of("hard"))


@attempt
def moves_a_file_into_its_folder(t):
    os.rename(t["movable"], "moved")


@attempt
def copies_a_secret(t):
    shutil.copyfile(t["secret"], "copy")


@attempt
def writes_a_secret(t):
    with open(t["secret"], "ab") as file:
        file.write(b"x")


@attempt
def empties_a_file_by_reading_it(t):
    os.close(os.open(t["emptied"], os.O_RDONLY | os.O_TRUNC))
    must(os.path.getsize(t["emptied"]) == 0)


@attempt
def empties_a_file_by_its_name(t):
    os.truncate(t["emptied"], 0)


@attempt
def removes_a_file(t):
    os.unlink(t["removed"])


@attempt
def makes_a_file_beside_a_secret(t):
    with open(os.path.join(t["home"], "made"), "w", encoding="utf-8"):
        pass


@attempt
def makes_a_folder_beside_a_secret(t):
    os.mkdir(os.path.join(t["home"], "folder"))


@attempt
def makes_a_pipe_beside_a_secret(t):
    os.mkfifo(os.path.join(t["home"], "pipe"))


@attempt
def opens_a_secret_to_everybody(t):
    os.chmod(t["secret"], 0o666)
    must(os.stat(t["secret"]).st_mode & 0o777 == 0o666)


@attempt
def changes_the_times_of_a_secret(t):
    os.utime(t["secret"], (1, 1))
    must(os.stat(t["secret"]).st_mtime == 1)


@attempt
def labels_a_secret(t):
    os.setxattr(t["secret"], "user.hostile", b"x")


@attempt
def asks_whether_a_file_is_there(t):
    must(os.path.exists(t["secret"]) and not os.path.exists(t["secret"] + ".not"))


@attempt
def asks_whether_a_file_is_there_by_its_errors(t):
    def error_of(path):
        try:
            os.open(path, os.O_RDONLY)
        except OSError as error:
            return error.errno
        return 0
    must(error_of(t["secret"]) != error_of(t["secret"] + ".not"))


@attempt
def watches_a_folder(t):
    watch = syscall("inotify_init1", 0)
    if libc.inotify_add_watch(watch, t["home"].encode(), 0xfff) < 0:
        raise OSError(ctypes.get_errno(), "inotify_add_watch")


@attempt
def reads_another_checkout(t):
    must(content_of(t["other_checkout"]))


@attempt
def writes_into_its_own_checkout(t):
    with open(os.path.join(os.path.dirname(__file__), "new.py"), "w", encoding="utf-8"):
        pass


@attempt
def writes_bytecode_beside_its_code(t):
    os.makedirs(os.path.join(os.path.dirname(__file__), "__pycache__"))


@attempt
def lists_the_scratch_folders_of_all(t):
    must(len(os.listdir(t["scratch_root"])) > 0)


@attempt
def reads_the_scratch_folder_of_another_worker(t):
    must(content_of(t["other_scratch_file"]))


@attempt
def writes_into_the_scratch_folder_of_another_worker(t):
    with open(os.path.join(os.path.dirname(t["other_scratch_file"]), "planted"), "w", encoding="utf-8"):
        pass


@attempt
def writes_into_the_cache(t):
    with open(os.path.join(t["cache"], "planted.pth"), "w", encoding="utf-8"):
        pass


@attempt
def writes_what_every_python_imports(t):
    path = os.path.join(t["site_packages"], "hostile.pth")
    with open(path, "w", encoding="utf-8"):
        os.unlink(path)


@attempt
def reads_the_environment_of_another_process(t):
    must(content_of(f"/proc/{t['pid']}/environ"))


@attempt
def reads_the_memory_map_of_another_process(t):
    must(content_of(f"/proc/{t['pid']}/maps"))


@attempt
def reads_the_command_of_another_process(t):
    must(content_of(f"/proc/{t['pid']}/cmdline"))


@attempt
def opens_the_files_of_another_process(t):
    must(os.listdir(f"/proc/{t['pid']}/fd"))


@attempt
def reads_a_secret_through_another_process(t):
    must(content_of(f"/proc/{t['pid']}/root{t['secret']}"))


@attempt
def counts_the_processes_of_the_machine(t):
    must(sum(name.isdigit() for name in os.listdir("/proc")) > 1)


@attempt
def reads_the_passwords(t):
    must(content_of("/etc/shadow"))


@attempt
def makes_a_device(t):
    os.mknod("device", 0o600 | 0o020000, os.makedev(1, 1))
    content = os.open("device", os.O_RDONLY)
    os.close(content)


@attempt
def opens_a_file_by_its_handle(t):
    buffer = (ctypes.c_char * 200)()
    ctypes.memmove(buffer, (128).to_bytes(4, "little"), 4)
    mount = ctypes.c_int()
    syscall("name_to_handle_at", -100, t["secret"].encode(), ctypes.pointer(buffer), ctypes.pointer(mount), 0)


@attempt
def writes_to_shared_memory_by_name(t):
    with open(t["shared_memory"], "r+", encoding="utf-8") as file:
        file.write("x")


@attempt
def talks_to_a_terminal(t):
    first, second = os.openpty()
    os.close(first)
    os.close(second)


@attempt
def reads_kernel_addresses(t):
    must(content_of("/proc/kallsyms"))


@attempt
def lists_the_root(t):
    must("root" in os.listdir("/") and "home" in os.listdir("/"))


@attempt
def binds_a_socket_beside_a_secret(t):
    with socket.socket(socket.AF_UNIX) as unix:
        unix.bind(os.path.join(t["home"], "socket"))


@attempt
def fills_a_file_beside_a_secret_without_a_name(t):
    os.close(os.open(t["home"], os.O_TMPFILE | os.O_WRONLY))

