"""The first thing that runs in an interpreter: is it one that can load our extension? If so, it becomes a template.

usage: PYTHON boot.py EXTENSION, with the supervisor's socket as descriptor 3

It has to be understood by every Python since 2.7, because the answer of an old one is one clear line too.
"""
import os
import struct
import sys

SOCKET = 3
WORKER_FAILED = 31  # shared/wire/messages.h; the frame is described in PROTOCOL.md


def complaint_about(version, implementation, abi_flags):
    """Why such an interpreter cannot load the extension, which uses CPython's limited API of 3.9; or None."""
    number = ".".join(str(part) for part in version[:3])
    if version[:2] < (3, 9):
        return "it is Python %s, and workers need CPython 3.9 or later" % number
    if implementation != "cpython":
        return "it is %s (Python %s), and workers need CPython 3.9 or later" % (implementation, number)
    if "t" in abi_flags:
        return "it is a free-threaded build of Python %s, and workers need one with the global lock" % number
    return None


def load(path):
    from importlib import util

    spec = util.spec_from_file_location("_hubcell_worker", path)
    module = util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def explain(error):
    import sysconfig

    reason = "it cannot load hubcell's extension (%s)" % " ".join(str(error).split())
    if "musl" in str(sysconfig.get_config_var("SOABI")):
        reason += "; it is built for musl, and workers need one for glibc"
    return reason


def refuse(reason):
    text = (reason + "; choose another interpreter with --python").encode("utf-8", "replace")[:4000]
    os.write(SOCKET, struct.pack("=HQQI", WORKER_FAILED, 0, 0, len(text)) + text)
    sys.exit(1)


def main(extension):
    implementation = getattr(sys, "implementation", None)
    complaint = complaint_about(sys.version_info, getattr(implementation, "name", "Python"), getattr(sys, "abiflags", ""))
    if complaint:
        refuse(complaint)
    try:
        module = load(extension)
    except Exception:
        refuse(explain(sys.exc_info()[1]))
    module.run_template(SOCKET)


if __name__ == "__main__":
    # What foreign code finds is what it finds in an interactive Python: no folder of ours, no arguments, no script.
    if os.path.realpath(sys.path[0]) == os.path.dirname(os.path.realpath(__file__)):
        del sys.path[0]
    sys.argv, own_argument = [""], sys.argv[1]
    del __file__
    main(own_argument)
