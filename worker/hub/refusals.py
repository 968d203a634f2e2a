"""What to do where foreign code met the sandbox: said beside its exception, whichever call raised it."""

import errno
import os

NETWORK = ("hubcell gives a worker no network: while it loads, URLs work through torch.hub, urllib.request and requests.get; "
           "fetch anything else beforehand and pass it as hubcell.File")
PROGRAMS = ("hubcell starts no programs for a worker: install what it needs in the workers' interpreter, which python= or --python "
            "names; sandbox='off' (--sandbox off) lets code that you trust start them")
PROCESSES = ("a worker is one process: let the model use threads, or none (num_workers=0); sandbox='off' (--sandbox off) lets code "
             "that you trust start processes")
SHARING = ("without mount namespaces (hubcell doctor) a worker has no memory to share, and it is one process; sandbox='off' "
           "(--sandbox off) lets code that you trust do both")
# Where the refusal came from, by a part of the path of a file that it went through.
ORIGINS = (("/multiprocessing/synchronize.py", SHARING), ("/multiprocessing/heap.py", SHARING), ("/multiprocessing/", PROCESSES),
           ("/concurrent/futures/process.py", PROCESSES), ("/subprocess.py", PROGRAMS), ("/socket.py", NETWORK), ("_socket", NETWORK))


def hint_of(error):
    """A str; None where neither `error` nor what led to it is about a refusal."""
    seen = set()
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        if type(error).__name__ == "gaierror":
            return NETWORK
        if isinstance(error, RuntimeError) and "open shared memory" in str(error):
            return SHARING
        if is_refusal(error):
            paths = list(paths_of(error.__traceback__))
            for origin, hint in ORIGINS:
                if any(origin in path for path in paths):
                    return hint
        error = error.__cause__ or error.__context__
    return None


def is_refusal(error):
    """Compilers of torch raise exceptions of their own that only name what was refused."""
    if isinstance(error, OSError):
        return True
    return os.strerror(errno.EPERM) in str(error)


def paths_of(traceback):
    """Of the files that an exception went through."""
    while traceback is not None:
        yield "/" + traceback.tb_frame.f_code.co_filename.lstrip("/")
        traceback = traceback.tb_next
