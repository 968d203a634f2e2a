"""`Hub`: a session with its supervisor, and the options of the workers that it asks for; torch.hub's functions on it."""

from __future__ import annotations

import atexit
import contextlib
import errno
import inspect
import os
import re
import sys
import threading
import time
import urllib.parse
import warnings
import weakref
from typing import Any, Callable, Dict, Iterator, List, Optional, Sequence, Union

import torch

from . import _calls, _comparison, _folders, _hubcell, _recipes, _state, _trust
from ._errors import DownloadError, Error, SourceError
from ._futures import call_async, waiters

_UNITS = {"": 1, "b": 1, "kib": 1 << 10, "mib": 1 << 20, "gib": 1 << 30, "tib": 1 << 40,
          "kb": 10 ** 3, "mb": 10 ** 6, "gb": 10 ** 9, "tb": 10 ** 12}
# As the C++ client has it.
_REPLICAS_MAX = 64


def _bytes_of(name: str, given: Union[int, str, None]) -> int:
    """4 << 30 and "4GiB" alike; 0 of None."""
    if given is None or isinstance(given, int):
        return given or 0
    found = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*([A-Za-z]*)\s*", given)
    if found is None or found.group(2).lower() not in _UNITS:
        raise ValueError(f'{name}={given!r}: expected bytes, or a number with a unit: "4GiB"')
    return int(float(found.group(1)) * _UNITS[found.group(2).lower()])


def _check_replicas(replicas: int, stateless: bool) -> None:
    if isinstance(replicas, bool) or not isinstance(replicas, int) or not 1 <= replicas <= _REPLICAS_MAX:
        raise ValueError(f"replicas={replicas!r}: from 1 to {_REPLICAS_MAX} may be")
    if replicas > 1 and not stateless:
        raise ValueError(f"replicas={replicas}: calls go to any of them, and a model that keeps something between its calls "
                         "would answer wrongly; say stateless=True if it does not")


class Hub:
    """A session: a supervisor process, shared or its own, and one sandboxed worker process for each repository and ref that is
    loaded.

    python: the workers' interpreter; HUBCELL_PYTHON, or the one that runs this program, where it is None.
    seed: of Python's, numpy's and torch's random numbers before each load, instead of this program's own states.
    memory: budget of a worker, in bytes or as "4GiB".
    threads: torch's threads in a worker; as many as here where it is None.
    deadline: seconds that a call or a load may take.
    rng: False keeps this program's random states out of calls and loads.
    sandbox: "full" (all layers, or hubcell.SandboxError), "minimal" (without namespaces), "off" (none: foreign code may do what
    this program may), or None: as much of "full" as this machine has, and never less than "minimal".
    allow_read, allow_write: files and folders that workers may read, and write, beside their own.
    allow_net: hosts of which workers may have files fetched at any time, and not only while they load: what they ask for
    can carry the inputs of calls there.
    writable_checkout: workers see a copy of their checkout, in their scratch folder, and may write in it.
    scratch: what the scratch folder of a worker may hold, in bytes or as "8GiB"; 4 GiB where it is None.
    replicas: workers that each load gets, alike and with the same weights, which are in memory once; a call goes to the one with
    the fewest calls in flight. More than one only with stateless=True, for models that keep nothing between calls.
    socket: of a shared supervisor (`hubcell serve`), which is used if it answers; "" for none, and a supervisor of this
    Hub's own; HUBCELL_SOCKET, or where `hubcell serve` listens by itself, where it is None.
    lock: a file (JSON) of the commits and files that are used: made where it is missing; what is in it already may not be
    anything else.

    A context manager; `close` ends the workers. Its objects may be used from any number of threads.
    """

    def __init__(self, python: Optional[str] = None, seed: Optional[int] = None, memory: Union[int, str, None] = None,
                 threads: Optional[int] = None, deadline: Optional[float] = None, sandbox: Optional[str] = None,
                 allow_read: Sequence[str] = (), allow_write: Sequence[str] = (), allow_net: Sequence[str] = (),
                 writable_checkout: bool = False, rng: bool = True, replicas: int = 1, stateless: bool = False,
                 socket: Optional[str] = None, lock: Optional[str] = None,
                 scratch: Union[int, str, None] = None) -> None:
        if sandbox not in (None, "full", "minimal", "off"):
            raise ValueError(f"sandbox: {sandbox!r} is none of 'full', 'minimal', 'off' and None, the best that this machine has")
        _check_replicas(replicas, stateless)
        interpreter = os.fspath(python) if python is not None else os.environ.get("HUBCELL_PYTHON") or sys.executable
        allowed = {"allow_read": tuple(map(os.fspath, allow_read)), "allow_write": tuple(map(os.fspath, allow_write)),
                   "allow_net": tuple(allow_net)}
        self._seed, self._rng = seed, rng
        self._options = {"python": python, "seed": seed, "memory": memory, "threads": threads, "deadline": deadline, "rng": rng,
                         "lock": lock, "sandbox": sandbox, "scratch": scratch, "writable_checkout": writable_checkout,
                         "socket": socket, "replicas": replicas, "stateless": stateless, **allowed}
        self._folder, self._progress = _folders.hub_folder(), _Progress()
        # A handle of what was loaded last, if it is still there.
        self._latest: Callable[[], Any] = lambda: None
        self._session = _hubcell.open_session(interpreter, seed, _bytes_of("memory", memory), threads or torch.get_num_threads(),
                                              deadline or 0.0, self._folder, self._progress, os.fspath(lock or ""),
                                              tuple(allowed.values()), sandbox or "", _bytes_of("scratch", scratch),
                                              bool(writable_checkout), None if socket is None else os.fspath(socket), replicas,
                                              bool(stateless))
        _hubs.add(self)

    # ---- torch.hub's functions

    def list(self, github: str, force_reload: bool = False, skip_validation: bool = False,
             trust_repo: Union[bool, str, None] = "check", verbose: bool = True) -> List[str]:
        """Names of the repository's entrypoints; torch.hub.list."""
        return list(self._session.list(self._opened(github, "github", trust_repo, force_reload, verbose)))

    def help(self, github: str, model: str, force_reload: bool = False, skip_validation: bool = False,
             trust_repo: Union[bool, str, None] = "check") -> Optional[str]:
        """The docstring of an entrypoint, None where it has none; torch.hub.help."""
        return self._session.docstring(self._opened(github, "github", trust_repo, force_reload), _checked_entry(model))

    def load(self, repo_or_dir: str, model: str, *args: Any, source: str = "github",
             trust_repo: Union[bool, str, None] = "check", force_reload: bool = False, verbose: bool = True,
             skip_validation: bool = False, **kwargs: Any) -> Any:
        """What the entrypoint `model` of a repository returns, in a worker of its own; torch.hub.load.

        repo_or_dir: "owner/name", "owner/name:ref", "owner/name@ref", the URL of a git remote; or, with source="local",
        a folder.
        trust_repo: of owner/name: True adds it to the list of trusted repositories, False asks on stdout, "check" asks
        unless it is in that list. Without a yes, hubcell.Error is raised and nothing fetched.
        force_reload: looks up again what the ref means, and fetches again what the entrypoint downloads; without any effect
        where source="local".
        skip_validation: without any effect: that the ref belongs to the repository is always looked up, and without
        GitHub's API.
        verbose: whether it says on stderr that the repository was in the cache.
        Raises what the entrypoint raises, hubcell.SourceError where there is no such repository or ref.
        """
        repository = self._opened(repo_or_dir, source, trust_repo, force_reload, verbose)
        options = (torch.is_grad_enabled(), _state.of_load(self._seed, self._rng), 0.0)
        return self._load(_recipes.Recipe(self._options, repository, _checked_entry(model), args, kwargs, options))

    def _load(self, recipe: _recipes.Recipe) -> Any:
        answer = self._session.load(recipe.repository, recipe.entry, recipe.args, recipe.kwargs, recipe.options)
        handles = _recipes.attach(answer, recipe)
        if handles:
            self._latest = weakref.ref(handles[0])
        return answer

    def download_url_to_file(self, url: str, dst: str, hash_prefix: Optional[str] = None, progress: bool = True) -> None:
        """Puts what is behind `url` (http, https, file) at the path `dst`, whole or not at all; torch.hub.download_url_to_file.

        hash_prefix: what its sha256 must begin with. progress: whether it shows how far it has come, on a terminal.
        Raises hubcell.SourceError where it cannot be had, FileNotFoundError where there is no folder to put it into."""
        path = os.path.abspath(os.path.expanduser(dst))
        folder = os.path.dirname(path)
        if not os.path.isdir(folder):
            raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), folder)
        with self._downloading(progress):
            self._session.download_url_to_file(url, path, hash_prefix or "")

    def load_state_dict_from_url(self, url: str, model_dir: Optional[str] = None, map_location: Any = None,
                                 progress: bool = True, check_hash: bool = False, file_name: Optional[str] = None,
                                 weights_only: bool = False) -> Any:
        """What torch.save wrote into the file behind `url`; torch.hub.load_state_dict_from_url. It is unpickled in a sandboxed
        worker: none of its code runs here, and tensors are not copied on their way.

        model_dir: where the file is kept; checkpoints, in the hub folder, where it is None. file_name: what it is called
        there; the last part of the URL's path where it is None. map_location: as torch.load takes it, but no callable.
        check_hash: the name says how the sha256 begins: "resnet18-f37072fd.pth". weights_only: torch.load's.
        """
        if os.getenv("TORCH_MODEL_ZOO"):
            warnings.warn("TORCH_MODEL_ZOO is deprecated, please use env TORCH_HOME instead", stacklevel=2)
        folder = os.path.join(self._folder, "checkpoints") if model_dir is None else os.path.abspath(model_dir)
        name = file_name or os.path.basename(urllib.parse.urlparse(url).path)
        if not os.path.exists(os.path.join(folder, name)):
            sys.stderr.write(f'Downloading: "{url}" to {os.path.join(folder, name)}\n')
        if callable(map_location):
            raise TypeError("map_location: a callable stays in this program, and the file is read in a worker; name a device")
        with self._downloading(progress):
            return self._session.load_state_dict_from_url(url, folder, name, map_location, check_hash, weights_only)

    # ---- more

    def info(self, handle: Any) -> Dict[str, Any]:
        """hubcell.info"""
        return info(handle)

    def empty(self, shape: Sequence[int], dtype: Optional[torch.dtype] = None, model: Any = None) -> torch.Tensor:
        """An uninitialised tensor that goes into a call of `model` (a handle; where it is None, what this Hub loaded last)
        without a copy. Its memory is shared with that worker: as in-process, a model that writes into its input is seen here,
        and what is written here after a call by a model that kept its input. Into other calls it goes like any tensor.

        shape: sizes, as torch.empty takes them. dtype: torch's default dtype where it is None."""
        dtype = torch.get_default_dtype() if dtype is None else dtype
        handle = self._latest() if model is None else model
        if handle is None:
            return torch.empty(tuple(shape), dtype=dtype)
        made: torch.Tensor = _calls.remote_of(handle).empty(str(dtype).replace("torch.", ""), tuple(shape))
        return made

    def compare(self, a: Any, b: Any, inputs: Sequence[Any], *, method: str = "", reset: str = "",
                labels: Optional[Sequence[int]] = None, names: Optional[Sequence[str]] = None, seed: int = 0,
                rtol: float = 1e-5, atol: float = 1e-8, confidence: float = 0.95, topk: int = 5, skip: Sequence[str] = (),
                rounds: int = 200, seconds: float = 3.0) -> _comparison.Comparison:
        """Which of two loaded models is better, and where they differ: their answers, the first module inside that differs,
        weights, speed, memory, and the commits between them. What a side does wrong (raises, dies) is part of the result.

        a, b: handles of loaded models, of any Hubs; as they are (eval, train).
        inputs: each the one argument of a call, or a tuple of arguments, or a dict of keyword arguments.
        labels: the index of the right class of each input, for answers that are class scores. names: what inputs are called.
        method: is called instead of the models themselves. reset: a method of both that is called before each input, for models
        that keep something between calls. seed: of the random numbers that calls draw, the same on both sides.
        rtol, atol: how far apart answers may lie, as torch.allclose has them. confidence: of intervals. topk: classes that are
        looked at. skip: parts that are left out: "modules", "weights", "speed", "code". rounds, seconds: what the speed may
        take: at most so many rounds of four calls.
        Raises ValueError and TypeError on arguments that cannot be, hubcell.Error where the comparison cannot begin."""
        return _comparison.compare(self._session, a, b, inputs, method=method, reset=reset, labels=labels, names=names, seed=seed,
                                   rtol=rtol, atol=atol, confidence=confidence, topk=topk, skip=skip, rounds=rounds,
                                   seconds=seconds)

    def call_async(self, handle: Any, *args: Any, **kwargs: Any) -> Any:
        """hubcell.call_async"""
        return call_async(handle, *args, **kwargs)

    def close(self) -> None:
        """Ends the workers, and the calls in flight with them. Objects that are left name nothing any more."""
        _hubs.discard(self)
        self._session.close()

    def __enter__(self) -> "Hub":
        return self

    def __exit__(self, *error: Any) -> None:
        self.close()

    def __reduce__(self) -> Any:
        raise Error("pickle a Hub: it is a session of this process; make one where it is needed")

    @contextlib.contextmanager
    def _downloading(self, progress: bool) -> Iterator[None]:
        try:
            with self._progress.shown_if(progress):
                yield
        except SourceError as failed:
            raise DownloadError(str(failed)) from None

    def _opened(self, repository: str, source: str, trust_repo: Union[bool, str, None], force_reload: bool,
                verbose: bool = True) -> str:
        """The repository's name for the supervisor. Asks for the caller's trust before anything is opened; `verbose` opens it,
        and says whether it was in the cache."""
        source = source.lower()
        if source not in ("github", "local"):
            raise ValueError(f'Unknown source: "{source}". Allowed values: "github" | "local".')
        if source == "local":
            return os.path.abspath(os.path.expanduser(repository))
        _trust.check(self._folder, repository, trust_repo)
        if force_reload:
            self._session.reload(repository)
        elif verbose:
            self._progress.fetches = False
            folder = self._session.info(repository)["folder"]
            if not self._progress.fetches:
                sys.stderr.write(f"Using cache found in {folder}\n")
        return repository


def _checked_entry(model: Any) -> str:
    if not isinstance(model, str):
        raise ValueError("Invalid input: model should be a string of function name")
    return model


class _Progress(threading.local):
    """Shows a fetch on one line, on a terminal and in notebooks. `fetches`: whether this thread was told of one."""

    fetches = False
    shown = True
    what, began = "", 0.0

    @contextlib.contextmanager
    def shown_if(self, shown: bool) -> Iterator[None]:
        self.shown, before = shown, self.shown
        try:
            yield
        finally:
            self.shown = before

    def __call__(self, what: str, done: int, total: int) -> None:
        self.fetches = True
        if not self.shown:
            return
        if not sys.stderr.isatty() and "ipykernel" not in sys.modules:
            return
        now = time.monotonic()
        if what != self.what:
            self.what, self.began = what, now
        share = f" {100 * done // total}%" if total else ""
        size = f" {done / 2 ** 20:.1f} MiB" if done else ""
        end = "\n" if total and done >= total else ""
        sys.stderr.write(f"\r{what}{share}{size}{_speed(done, total, now - self.began)}\x1b[K{end}")
        sys.stderr.flush()


def _speed(done: int, total: int, seconds: float) -> str:
    if not done or seconds < 0.5:
        return ""
    left = f", {(total - done) * seconds / done:.0f} s left" if total > done else ""
    return f" {done / seconds / 2 ** 20:.1f} MiB/s{left}"


def info(handle: Any) -> Dict[str, Any]:
    """Which model a handle belongs to, and what its worker is: repo, ref, commit, folder (of its files), pid, python and torch
    (versions), sandbox, load_s (seconds that the last load in it took; the first with fetching and starting it),
    private_bytes and shared_bytes (of its memory now; what it still shares with the process that it was forked from counts
    as private), weights_bytes (of its weights, what lies where equal ones are in memory once) and common_weights_bytes (of
    this, what other workers have, too); replicas (how many workers serve it) and pids (theirs, the first one's first): their
    private_bytes are added up, all else is said of the first."""
    return dict(_calls.remote_of(handle).info())


_hubs: "weakref.WeakSet[Hub]" = weakref.WeakSet()
_default: Optional[Hub] = None
_default_lock = threading.Lock()


def default() -> Hub:
    """The Hub of the functions of the package; made when it is first needed, and anew where the hub folder is another,
    which torch.hub finds out at each load too. What the old one loaded lives on."""
    global _default
    with _default_lock:
        if _default is None or _default._folder != _folders.hub_folder():
            _default = Hub()
        return _default


def of_options(options: Dict[str, Any]) -> Hub:
    """A Hub with these options, the one that there is already if any."""
    folder = _folders.hub_folder()
    for hub in list(_hubs):
        if hub._options == options and hub._folder == folder:
            return hub
    if options == default()._options:
        return default()
    return _kept.setdefault(repr((folder, options)), Hub(**options))


# Of what was unpickled: nobody else holds them.
_kept: Dict[str, Hub] = {}
_recipes.Loader.load = staticmethod(lambda recipe: of_options(recipe.hub_options)._load(recipe))


def _of_default(method: Callable[..., Any]) -> Callable[..., Any]:
    def function(*args: Any, **kwargs: Any) -> Any:
        return method(default(), *args, **kwargs)
    function.__name__ = function.__qualname__ = method.__name__
    function.__doc__ = method.__doc__
    function.__signature__ = _signature_without_self(method)  # type: ignore[attr-defined]
    return function


def _signature_without_self(method: Callable[..., Any]) -> inspect.Signature:
    """As torch.hub's functions show theirs: without annotations too."""
    parameters = list(inspect.signature(method).parameters.values())[1:]
    return inspect.Signature([parameter.replace(annotation=inspect.Parameter.empty) for parameter in parameters])


def _end() -> None:
    """At the end of the program, however it ends: no worker is left, and no thread that could want Python again."""
    _hubcell.end()
    for hub in list(_hubs):
        hub._session.close()


def _forget_parent() -> None:
    """In a forked child: the sessions are the parent's."""
    global _default, _default_lock
    _default, _default_lock = None, threading.Lock()
    for hub in list(_hubs):
        hub._session.abandon()
    _hubs.clear()
    waiters.forget()


atexit.register(_end)
os.register_at_fork(after_in_child=_forget_parent)
