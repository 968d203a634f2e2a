"""What torch.hub asks of github.com and api.github.com, served from bare git repositories:
<folder>/owner/name.git."""

import contextlib
import http.server
import json
import os
import re
import subprocess
import threading
import urllib.parse


def git(repository, *words):
    """Output of a git command, as bytes; None where it fails."""
    done = subprocess.run(["git", "--git-dir", repository, *words], capture_output=True, check=False)
    return done.stdout if done.returncode == 0 else None


class _Requests(http.server.BaseHTTPRequestHandler):
    """/github.com/... and /api.github.com/..., by path."""

    def do_GET(self):
        path = urllib.parse.unquote(urllib.parse.urlsplit(self.path).path)
        for pattern, answer in ((r"/github.com/([^/]+/[^/]+)/tree/(.+?)/?", self._tree),
                                (r"/github.com/([^/]+/[^/]+)/zipball/(.+)", self._archive),
                                (r"/api.github.com/repos/([^/]+/[^/]+)/(branches|tags)", self._refs)):
            found = re.fullmatch(pattern, path)
            if found:
                name, what = found.groups()
                answer(os.path.join(self.server.folder, name + ".git"), name, what)
                return
        self.send_error(404)

    def _tree(self, repository, _, branch):
        found = git(repository, "rev-parse", "--verify", "--quiet", f"refs/heads/{branch}")
        self._answer(b"there") if found else self.send_error(404)

    def _archive(self, repository, name, ref):
        """GitHub does not choose between a branch and a tag of one name: it answers 300."""
        candidates = [git(repository, "rev-parse", "--verify", "--quiet", f"refs/{kind}/{ref}^{{commit}}")
                      for kind in ("heads", "tags")]
        if all(candidates):
            self.send_error(300)
            return
        commit = next(filter(None, candidates), None)
        commit = commit or git(repository, "rev-parse", "--verify", "--quiet", ref + "^{commit}")
        if not commit:
            self.send_error(404)
            return
        commit = commit.decode().strip()
        prefix = name.replace("/", "-") + "-" + commit[:7] + "/"
        self._answer(git(repository, "archive", "--format=zip", f"--prefix={prefix}", commit))

    def _refs(self, repository, _, kind):
        page = urllib.parse.parse_qs(urllib.parse.urlsplit(self.path).query)["page"][0]
        listed = git(repository, "for-each-ref", "--format=%(objectname) %(refname)",
                     "refs/heads" if kind == "branches" else "refs/tags") or b""
        refs = [line.split(" ", 1) for line in listed.decode().splitlines()] if page == "1" else []
        entries = [{"name": ref.split("/", 2)[2], "commit": {"sha": commit}} for commit, ref in refs]
        self._answer(json.dumps(entries).encode())

    def _answer(self, content):
        self.send_response(200)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_):
        pass


@contextlib.contextmanager
def serving(folder):
    """Serves on the loopback address for as long as the block takes; the URL of the stand-in."""
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), _Requests)
    server.folder = folder
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def redirect(torch_hub, standin_url):
    """Lets a torch.hub module of this process ask the stand-in instead of GitHub."""
    import urllib.request
    open_direct = urllib.request.build_opener(urllib.request.ProxyHandler({})).open

    def urlopen(asked):
        url = asked if isinstance(asked, str) else asked.full_url
        headers = {} if isinstance(asked, str) else dict(asked.header_items())
        if url.startswith(("http://127.0.0.1:", "file://")):  # files of a case
            return open_direct(asked)
        if not url.startswith(("https://github.com/", "https://api.github.com/")):
            raise AssertionError(f"torch.hub asks for {url}, which the stand-in does not know")
        return open_direct(urllib.request.Request(standin_url + "/" + url[len("https://"):], headers=headers))

    torch_hub.urlopen = urlopen
