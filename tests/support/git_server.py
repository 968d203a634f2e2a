"""A server of git repositories over http or https, with the faults that a test asks for, and proxies that count what goes through.

git's own http-backend answers; nothing here is imported by the product.
"""

import contextlib
import http.server
import os
import select
import socket
import socketserver
import ssl
import subprocess
import threading

DEADLINE_S = 30


class GitServer(http.server.ThreadingHTTPServer):
    """Serves the repositories below `root`. `fault(handler)` may answer a request itself, and returns whether it did."""

    daemon_threads = True

    def __init__(self, root, certificate=None):
        super().__init__(("127.0.0.1", 0), _Handler)
        self.root, self.fault, self.requests = root, None, []
        self.scheme = "http"
        if certificate is not None:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(certificate)
            self.socket = context.wrap_socket(self.socket, server_side=True)
            self.scheme = "https"

    def url(self, path="", host="127.0.0.1"):
        return f"{self.scheme}://{host}:{self.server_port}{path}"

    def handle_error(self, request, client_address):
        pass  # clients that go away are what is tested


class _Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *words):
        pass

    def do_GET(self):
        self._answer()

    def do_POST(self):
        self._answer()

    def _answer(self):
        self.server.requests.append((self.command, self.path, self.headers.get("Authorization")))
        if self.server.fault is None or not self.server.fault(self):
            self.send_git()

    def send_git(self, limit=None):
        """What git answers; no more than `limit` bytes of it, and then the connection breaks."""
        path, _, query = self.path.partition("?")
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        environment = {"GIT_PROJECT_ROOT": self.server.root, "GIT_HTTP_EXPORT_ALL": "1", "PATH_INFO": path, "QUERY_STRING": query,
                       "REQUEST_METHOD": self.command, "CONTENT_TYPE": self.headers.get("Content-Type", ""),
                       "CONTENT_LENGTH": str(len(body)), "PATH": os.environ["PATH"], "GIT_CONFIG_NOSYSTEM": "1",
                       "GIT_CONFIG_COUNT": "1", "GIT_CONFIG_KEY_0": "safe.directory", "GIT_CONFIG_VALUE_0": "*"}
        answer = subprocess.run(["git", "http-backend"], env=environment, input=body, capture_output=True, timeout=DEADLINE_S).stdout
        head, _, content = answer.partition(b"\r\n\r\n")
        headers = dict(line.split(": ", 1) for line in head.decode().split("\r\n"))
        self.send_content(int(headers.pop("Status", "200 OK").split()[0]), content, headers, limit)

    def send_content(self, status, content=b"", headers=(), limit=None):
        self.send_response(status)
        for name, value in dict(headers).items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content[:limit])
        if limit is not None:
            self.close_connection = True


class Proxy(socketserver.ThreadingTCPServer):
    """Passes connections on: CONNECT of http, or SOCKS 5. `targets` lists where to."""

    daemon_threads, allow_reuse_address = True, True

    def __init__(self, kind):
        super().__init__(("127.0.0.1", 0), {"http": _HttpProxy, "socks5h": _SocksProxy}[kind])
        self.kind, self.targets = kind, []

    def url(self):
        return f"{self.kind}://127.0.0.1:{self.server_address[1]}"

    def handle_error(self, request, client_address):
        pass


class _ProxyHandler(socketserver.BaseRequestHandler):
    def pass_on(self, host, port, ready):
        """Every name is this machine: the tests' servers are here."""
        self.server.targets.append(f"{host}:{port}")
        with socket.create_connection(("127.0.0.1", port), timeout=DEADLINE_S) as there:
            self.request.sendall(ready)
            while True:
                readable, _, _ = select.select([self.request, there], [], [], DEADLINE_S)
                for source in readable:
                    data = source.recv(1 << 16)
                    if not data:
                        return
                    (there if source is self.request else self.request).sendall(data)
                if not readable:
                    return


class _HttpProxy(_ProxyHandler):
    def handle(self):
        head = b""
        while b"\r\n\r\n" not in head:
            head += self.request.recv(1 << 12) or b"\r\n\r\n"
        host, _, port = head.split()[1].decode().rpartition(":")
        self.pass_on(host, int(port), b"HTTP/1.1 200 Connection established\r\n\r\n")


class _SocksProxy(_ProxyHandler):
    def handle(self):
        self.request.recv(2 + 255)
        self.request.sendall(b"\x05\x00")
        request = self.request.recv(1 << 10)
        if request[3] == 3:
            name = request[5:5 + request[4]].decode()
        else:
            name = socket.inet_ntoa(request[4:8])
        self.pass_on(name, int.from_bytes(request[-2:], "big"), b"\x05\x00\x00\x01" + bytes(6))


@contextlib.contextmanager
def running(server):
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def make_authority(folder, host="127.0.0.1"):
    """A certificate for `host` and the authority that signed it.

    (file of the server's key and certificate, file of the authority)"""
    def openssl(*words):
        subprocess.run(("openssl", *words), cwd=folder, check=True, capture_output=True, timeout=DEADLINE_S)
    kind = "IP" if host[0].isdigit() else "DNS"
    openssl("req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-keyout", "ca.key", "-out", "ca.pem", "-subj", "/CN=tests")
    openssl("req", "-newkey", "rsa:2048", "-nodes", "-keyout", "server.key", "-out", "server.csr", "-subj", f"/CN={host}")
    with open(os.path.join(folder, "names"), "w", encoding="utf-8") as file:
        file.write(f"subjectAltName={kind}:{host}\n")
    openssl("x509", "-req", "-in", "server.csr", "-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial", "-days", "2",
            "-extfile", "names", "-out", "server.crt")
    with open(os.path.join(folder, "server.pem"), "wb") as joined:
        for name in ("server.key", "server.crt"):
            with open(os.path.join(folder, name), "rb") as part:
                joined.write(part.read())
    return os.path.join(folder, "server.pem"), os.path.join(folder, "ca.pem")
