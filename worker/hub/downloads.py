"""What foreign code fetches by URL while it loads, fetched by the supervisor instead: a worker has no network.

torch.hub (nested loads too), urllib.request and requests keep their names, signatures and kinds of errors. What they cannot do
here, another method or a socket of one's own, fails as it does without a network.
"""

import contextlib
import email.message
import functools
import importlib.abc
import importlib.util
import inspect
import mimetypes
import os
import sys
import tempfile
import urllib.error
import urllib.parse
import urllib.request
import urllib.response

WEB = ("http://", "https://")


def install(hub):
    """In the template: its workers have it by the fork, and need not look through all modules. `hub`: the module hub.py."""
    downloads = Downloads()
    replace_everywhere("torch.hub", {"download_url_to_file": downloads.download_url_to_file,
                                     "load_state_dict_from_url": downloads.load_state_dict_from_url,
                                     **nested(hub)})
    replace_everywhere("urllib.request", {"urlopen": downloads.urlopen, "urlretrieve": downloads.urlretrieve})
    sys.meta_path.insert(0, AfterImport("requests.api", downloads.patch_requests))


class Supplies:
    """The two functions of supplies.h: what the supervisor does for this worker."""

    file = repository = None


def supply(want_file, want_repository):
    """In a worker, before foreign code runs there."""
    Supplies.file, Supplies.repository = want_file, want_repository


def replace_everywhere(module, functions):
    """By name: in their module, and where `from module import name` has put them already."""
    originals = {name: getattr(sys.modules[module], name) for name in functions}
    replacements = {name: replacement_of(originals[name], function) for name, function in functions.items()}
    for other in list(sys.modules.values()):
        content = getattr(other, "__dict__", {})
        for name in originals.keys() & content.keys():
            if content[name] is originals[name]:
                setattr(other, name, replacements[name])


def replacement_of(original, function):
    # Not functools.wraps: its __wrapped__ would lead foreign code around the replacement.
    replacement = functools.update_wrapper(forward(function, original), original)
    del replacement.__wrapped__
    replacement.__signature__ = inspect.signature(original)
    return replacement


def forward(function, original):
    return lambda *args, **kwargs: function(original, *args, **kwargs)


class Downloads:
    """Each method takes the function that it stands for first."""

    def __init__(self):
        self._urls = {}  # of files that were put in their places

    def fetch(self, url, hash_prefix=""):
        """The path of a file that can be read. Raises URLError."""
        try:
            return Supplies.file(url, hash_prefix)
        except OSError as refused:
            raise urllib.error.URLError(str(refused)) from None

    def download_url_to_file(self, original, url, dst, hash_prefix=None, progress=True):
        if not is_web(url):
            return original(url, dst, hash_prefix, progress)
        try:
            destination = os.path.expanduser(dst)
            place(self.fetch(url, hash_prefix or ""), destination)
            self._urls[os.path.realpath(os.path.dirname(destination)), os.path.basename(destination)] = url
        except urllib.error.URLError as refused:
            if "invalid hash value" in str(refused):
                raise RuntimeError(str(refused.reason)) from None
            raise

    def load_state_dict_from_url(self, original, url, model_dir=None, *args, **kwargs):
        """torch.hub's own, but that a file of the same name from elsewhere is not taken for this one."""
        folder = model_dir if model_dir is not None else os.path.join(sys.modules["torch.hub"].get_dir(), "checkpoints")
        name = kwargs.get("file_name") or (args[3] if len(args) > 3 else None) or os.path.basename(urllib.parse.urlparse(url).path)
        if self._urls.get((os.path.realpath(folder), name), url) != url:
            os.unlink(os.path.join(folder, name))
        return original(url, model_dir, *args, **kwargs)

    def urlopen(self, original, url, data=None, *args, **kwargs):
        wanted = plain_url(url, data)
        return open_response(wanted, self.fetch(wanted)) if wanted else original(url, data, *args, **kwargs)

    def urlretrieve(self, original, url, filename=None, reporthook=None, data=None):
        wanted = plain_url(url, data)
        if not wanted:
            return original(url, filename, reporthook, data)
        path = self.fetch(wanted)
        if filename is None:
            filename = os.path.join(tempfile.mkdtemp(), os.path.basename(urllib.parse.urlparse(wanted).path) or "file")
        place(path, filename)
        if reporthook:
            size = os.path.getsize(path)
            reporthook(0, size, size)
            reporthook(1, size, size)
        return filename, headers_of(wanted, path)

    def patch_requests(self, api):
        get = api.get

        @functools.wraps(get)
        def fetched(url, params=None, **options):
            if not is_web(url) or options.get("auth") or options.get("data") or options.get("json"):
                return get(url, params=params, **options)
            return self.response_of(api.requests if hasattr(api, "requests") else sys.modules["requests"], url, params)
        api.get = fetched

    def response_of(self, requests, url, params):
        prepared = requests.models.PreparedRequest()
        prepared.prepare(method="GET", url=url, params=params, headers={})
        try:
            path = self.fetch(prepared.url)
        except urllib.error.URLError as refused:
            raise requests.exceptions.ConnectionError(str(refused.reason), request=prepared) from None
        response = requests.models.Response()
        response.status_code, response.reason, response.url, response.request = 200, "OK", prepared.url, prepared
        response.headers.update(headers_of(prepared.url, path))
        response.raw = open(path, "rb")
        return response


class Response(urllib.response.addinfourl):
    """As much of http.client.HTTPResponse as is used of what urlopen returns."""

    reason = msg = "OK"
    version = 11

    def getheader(self, name, default=None):
        return self.headers.get(name, default)

    def getheaders(self):
        return self.headers.items()


class AfterImport(importlib.abc.MetaPathFinder):
    """Calls `patch(module)` once `name` has been imported, and is gone then."""

    def __init__(self, name, patch):
        self._name, self._patch = name, patch

    def find_spec(self, name, path=None, target=None):
        if name != self._name:
            return None
        sys.meta_path.remove(self)
        spec = importlib.util.find_spec(name)
        if spec is not None and spec.loader is not None:
            execute = spec.loader.exec_module

            def execute_and_patch(module):
                execute(module)
                self._patch(module)
            spec.loader.exec_module = execute_and_patch
        return spec


def nested(hub):
    """torch.hub's functions on repositories, by name: the repository comes into this worker and runs in it."""
    folders = {}

    def folder_of(repository, source, force_reload):
        if source.lower() not in ("github", "local"):
            raise ValueError(f'Unknown source: "{source}". Allowed values: "github" | "local".')
        if source.lower() == "local":
            return os.path.expanduser(repository)
        if force_reload or repository not in folders:
            try:
                folders[repository] = Supplies.repository(repository, bool(force_reload))
            except OSError as refused:
                raise urllib.error.URLError(str(refused)) from None
        return folders[repository]

    def load(_, repo_or_dir, model, *args, source="github", trust_repo=None, force_reload=False, verbose=True,
             skip_validation=False, **kwargs):
        return hub.load_nested(folder_of(repo_or_dir, source, force_reload), model, args, kwargs)

    def list_(_, github, force_reload=False, skip_validation=False, trust_repo=None, verbose=True):
        return hub.list_entrypoints(folder_of(github, "github", force_reload))

    def help_(_, github, model, force_reload=False, skip_validation=False, trust_repo=None):
        return hub.docstring_of(folder_of(github, "github", force_reload), model)
    return {"load": load, "list": list_, "help": help_}


def is_web(url):
    return isinstance(url, str) and url.lower().startswith(WEB)


def plain_url(url, data):
    """The URL of a GET over http or https; None for all else. Headers that a request adds are not sent."""
    if isinstance(url, urllib.request.Request):
        url, data = (None if url.get_method() != "GET" else url.full_url), data or url.data
    return url if data is None and is_web(url) else None


def place(path, destination):
    """A link, which is all that a worker may make to what it was granted."""
    link = f"{destination}.hubcell"
    with contextlib.suppress(FileNotFoundError):
        os.unlink(link)
    os.symlink(path, link)
    os.replace(link, destination)


def headers_of(url, path):
    headers = email.message.Message()
    headers["Content-Length"] = str(os.path.getsize(path))
    headers["Content-Type"] = mimetypes.guess_type(urllib.parse.urlparse(url).path)[0] or "application/octet-stream"
    return headers


def open_response(url, path):
    return Response(open(path, "rb"), headers_of(url, path), url, 200)
