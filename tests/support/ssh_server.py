"""A server of git repositories over ssh, with the faults that a test asks for, and agents with keys.

paramiko speaks ssh, git's own upload-pack answers; nothing here is imported by the product.
"""

import contextlib
import os
import shlex
import socketserver
import subprocess
import threading

import paramiko

DEADLINE_S = 30


class SshServer(socketserver.ThreadingTCPServer):
    """Serves the repositories below `root` to whoever has a key of `users` (files with public keys).

    It has the keys of `keys` (files). `is_silent`: it says nothing at all. `limit`: each command ends, and the connection with it, after
    that many bytes."""

    daemon_threads, allow_reuse_address = True, True

    def __init__(self, root, keys, users, address=("127.0.0.1", 0)):
        super().__init__(address, _Connection)
        self.root, self.is_silent, self.limit = root, False, None
        self.keys = [_read_key(path) for path in keys]
        self.users = [_read_public_key(path) for path in users]
        self.commands = []  # (user, command)
        self.connected, self.closing = threading.Event(), threading.Event()

    @property
    def port(self):
        return self.server_address[1]

    def url(self, path="", user="git@"):
        return f"ssh://{user}{self.server_address[0]}:{self.port}{path}"

    def server_close(self):
        self.closing.set()
        super().server_close()

    def handle_error(self, request, client_address):
        pass  # clients that go away are what is tested


def _read_key(path):
    for kind in (paramiko.Ed25519Key, paramiko.ECDSAKey):
        with contextlib.suppress(paramiko.SSHException):
            return kind.from_private_key_file(path)
    raise ValueError(path)


def _read_public_key(path):
    with open(path, encoding="utf-8") as file:
        return file.read().split()[1]


class _Connection(socketserver.BaseRequestHandler):
    def handle(self):
        self.server.connected.set()
        if self.server.is_silent:
            self.server.closing.wait(DEADLINE_S)
            return
        transport = paramiko.Transport(self.request)
        for key in self.server.keys:
            transport.add_server_key(key)
        done = threading.Event()
        try:
            transport.start_server(server=_Session(self.server, transport, done), event=threading.Event())
            while transport.is_alive() and not done.wait(0.05):
                pass
        finally:
            transport.close()


class _Session(paramiko.ServerInterface):
    def __init__(self, server, transport, done):
        self.server, self.transport, self.done = server, transport, done

    def get_allowed_auths(self, username):
        return "publickey"

    def check_auth_publickey(self, username, key):
        return paramiko.AUTH_SUCCESSFUL if key.get_base64() in self.server.users else paramiko.AUTH_FAILED

    def check_channel_request(self, kind, chanid):
        return paramiko.OPEN_SUCCEEDED

    def check_channel_exec_request(self, channel, command):
        self.server.commands.append((self.transport.get_username(), command.decode()))
        threading.Thread(target=self.run, args=(channel, command.decode()), daemon=True).start()
        return True

    def run(self, channel, command):
        program, path = shlex.split(command)
        path = os.path.join(self.server.root, path.lstrip("/"))
        environment = {"PATH": os.environ["PATH"], "GIT_CONFIG_NOSYSTEM": "1", "GIT_CONFIG_COUNT": "1",
                       "GIT_CONFIG_KEY_0": "safe.directory", "GIT_CONFIG_VALUE_0": "*"}
        with subprocess.Popen((program, path), stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                              env=environment) as process, contextlib.suppress(OSError, EOFError):
            threading.Thread(target=self.feed, args=(channel, process), daemon=True).start()
            sent = 0
            while data := process.stdout.read1(1 << 15):
                if self.server.limit is not None:
                    data = data[:self.server.limit - sent]
                channel.sendall(data)
                sent += len(data)
                if sent == self.server.limit:
                    process.kill()
                    self.done.set()
                    return
            channel.sendall_stderr(process.stderr.read())
            channel.shutdown_write()
            channel.send_exit_status(process.wait())
            channel.close()

    @staticmethod
    def feed(channel, process):
        with contextlib.suppress(OSError):
            while data := channel.recv(1 << 15):
                process.stdin.write(data)
                process.stdin.flush()
            process.stdin.close()


def make_key(path, kind="ed25519"):
    """Writes `path` and `path`.pub, and returns `path`."""
    subprocess.run(("ssh-keygen", "-q", "-t", kind, "-N", "", "-C", "test", "-f", path), check=True, timeout=DEADLINE_S)
    return path


@contextlib.contextmanager
def agent(path, *keys):
    """An ssh-agent whose socket is `path`, with these keys."""
    with subprocess.Popen(("ssh-agent", "-D", "-a", path), stdout=subprocess.DEVNULL) as process:
        try:
            while not os.path.exists(path) and process.poll() is None:
                pass
            for key in keys:
                subprocess.run(("ssh-add", "-q", key), env={**os.environ, "SSH_AUTH_SOCK": path}, check=True, timeout=DEADLINE_S)
            yield path
        finally:
            process.terminate()
