"""A server of files and of git repositories, whose transfers break off, lie and change as a test asks."""

import contextlib

import git_server


class FileServer(git_server.GitServer):
    """`files`: {path: bytes}; all else are repositories below `root`. ETags and ranges as servers have them.

    cut: every answer ends after so many bytes of its body. ranges: whether parts can be asked for. lie: what is added to
    Content-Length. etag(path): of a file now; None where the server has none."""

    def __init__(self, root="/nonexistent", certificate=None):
        super().__init__(root, certificate)
        self.files, self.cut, self.ranges, self.lie = {}, None, True, 0
        self.etag = lambda path: '"1"'
        self.fault = self._send_file

    def asked(self, path):
        """How often."""
        return sum(asked == path for _, asked, _ in self.requests)

    def _send_file(self, handler):
        path = handler.path.partition("?")[0]
        if path not in self.files:
            return False
        tag = self.etag(path)  # may change the file
        content = self.files[path]
        begin = self._begin_of(handler, tag, len(content))
        handler.send_response(206 if begin else 200)
        if tag:
            handler.send_header("ETag", tag)
        if begin:
            handler.send_header("Content-Range", f"bytes {begin}-{len(content) - 1}/{len(content)}")
        handler.send_header("Content-Length", str(len(content) - begin + self.lie))
        handler.end_headers()
        with contextlib.suppress(OSError):
            handler.wfile.write(content[begin:][:self.cut])
        if self.cut is not None or self.lie:
            handler.close_connection = True
        return True

    def _begin_of(self, handler, tag, size):
        wanted = handler.headers.get("Range", "")
        if not self.ranges or not wanted.startswith("bytes=") or handler.headers.get("If-Range") != tag:
            return 0
        return min(int(wanted[len("bytes="):].rstrip("-")), size)
