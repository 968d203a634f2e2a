"""Repositories on other machines: git over http and https, through proxies, with a token, and with the faults of a network.

Run: HUBCELL_PROGRAM=build/dev/bin/hubcell PYTHONPATH=tests/support python3 https_test.py
"""

import contextlib
import os
import re
import shutil
import socket
import subprocess
import tempfile
import threading
import time
import unittest

import git_server
from git_commands import git
from remote_case import DEADLINE_S, ENVIRONMENT, PROGRAM, Remote


class Http(Remote):
    def setUp(self):
        super().setUp()
        self.server = self.serve(git_server.GitServer(self.root))
        self.url = self.server.url("/owner/net.git")

    def test_branches_tags_and_commits_are_fetched_and_cached(self):
        self.assertEqual(self.entries(self.url), ["third"])
        for ref in ("old", "v1", self.commits[1], self.commits[1][:9]):
            self.assertEqual(self.entries(f"{self.url}@{ref}"), ["second"])
        self.assertEqual(self.entries(f"{self.url}@{self.commits[0]}"), ["first"], "a commit inside the history")
        self.assertIn("no branch or tag of", self.hubcell("list", f"{self.url}@{'1' * 40}").stderr)
        asked = len(self.server.requests)
        self.assertEqual(self.entries(self.url), ["third"])
        self.assertEqual(self.entries(f"{self.url}@main"), ["third"])
        self.assertEqual(len(self.server.requests), asked, "a ref that is in the cache needs no network")

    def test_it_stands_for_github(self):
        self.assertEqual(self.entries("owner/net:old", HUBCELL_GITHUB_URL=self.server.url()), ["second"])
        refused = self.refusal("owner/other", HUBCELL_GITHUB_URL=self.server.url())
        self.assertRegex(refused, "^hubcell: load owner/other: list the refs of http://.*/owner/other.git: the server answers 404: ")

    def test_the_token_goes_to_the_host_of_github_alone(self):
        def wants_a_name(handler):
            if handler.headers.get("Authorization"):
                return False
            handler.send_content(401, headers={"WWW-Authenticate": "Basic"})
            return True
        self.server.fault = wants_a_name
        github = {"HUBCELL_GITHUB_URL": self.server.url()}
        self.assertIn("needs GITHUB_TOKEN", self.refusal("owner/net", **github))
        self.assertEqual(self.entries("owner/net", GITHUB_TOKEN="secret", **github), ["third"])
        other = self.serve(git_server.GitServer(self.root))
        self.assertEqual(self.entries(other.url("/owner/net.git"), GITHUB_TOKEN="secret", **github), ["third"])
        self.assertEqual({who for _, _, who in other.requests}, {None})

        def moved(handler):
            handler.send_content(302, headers={"Location": other.url(handler.path)})
            return True
        self.server.fault = moved
        self.assertEqual(self.entries("owner/net@old", GITHUB_TOKEN="secret", **github), ["second"])
        self.assertIsNotNone(self.server.requests[-1][2])
        self.assertEqual({who for _, _, who in other.requests}, {None}, "a redirect took the token along")

    def test_every_fault_is_one_line_and_the_next_try_works(self):
        def status(number, headers=()):
            return lambda handler: handler.send_content(number, headers=headers) or True

        def breaks_off(handler):
            handler.send_git(limit=40 if handler.command == "GET" else 60_000)
            return True

        def is_cut(handler):
            if handler.command == "GET":
                return False
            handler.send_content(200, b"0008NAK\nPACK" + bytes(1000), {"Content-Type": "application/x-git-upload-pack-result"})
            return True

        def is_endless(handler):
            handler.send_response(200)
            handler.send_header("Content-Type", "application/x-git-upload-pack-advertisement")
            handler.end_headers()
            line = b"0040" + b"1" * 40 + b" refs/heads/endless\n"
            handler.wfile.write(b"001e# service=git-upload-pack\n0000")
            with contextlib.suppress(OSError):
                while True:
                    handler.wfile.write(line * 10_000)
            handler.close_connection = True
            return True

        def resets(handler):
            handler.connection.shutdown(socket.SHUT_RDWR)
            return True

        here = {"Location": "/loop"}
        for name, fault, words in (
                ("403", status(403), "answers 403: it does not let us"), ("404", status(404), "answers 404: there is no such"),
                ("429", status(429, {"Retry-After": "1"}), "answers 429: it limits how often"),
                ("500", status(500), "answers 500: it is in trouble"), ("loop", status(302, here), "redirect"),
                ("to a file", status(302, {"Location": "file:///etc/passwd"}), "protocol"),
                ("no git", lambda handler: handler.send_content(200, b"<html>", {"Content-Type": "text/html"}) or True,
                 "that is no git repository: the server answers with text/html"),
                ("short pack", is_cut, "pack|index"), ("breaks off", breaks_off, "transfer closed|early|bytes"),
                ("endless refs", is_endless, "sends more than 64 MiB"),
                ("resets", resets, "reset|empty reply|recv|closed")):
            with self.subTest(name):
                self.server.fault = fault
                refused = self.refusal(f"{self.url}@old")
                self.assertRegex(refused, re.compile(f"^hubcell: load {self.url}@old: .*({words})", re.IGNORECASE))
                self.assertNotIn("secret", refused)
        self.server.fault = None
        self.assertEqual(self.entries(f"{self.url}@old"), ["second"])

    def test_what_may_pass_is_tried_again(self):
        left = [503, 429, 500]

        def recovers(handler):
            if not left:
                return False
            handler.send_content(left.pop())
            return True
        self.server.fault = recovers
        self.assertEqual(self.entries(self.url), ["third"])

    def test_an_interrupt_ends_a_transfer_that_hangs(self):
        asked = threading.Event()

        def hangs(handler):
            asked.set()
            time.sleep(DEADLINE_S)
            return True
        self.server.fault = hangs
        waiting = subprocess.Popen((PROGRAM, "list", self.url), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                                   env={**ENVIRONMENT, "TORCH_HOME": self.cache})
        self.assertTrue(asked.wait(DEADLINE_S))
        waiting.send_signal(2)
        waiting.communicate(timeout=10)
        self.assertEqual(waiting.returncode, 130)
        self.server.fault = None
        self.assertEqual(self.entries(self.url), ["third"])

    def test_nobody_there_is_one_line(self):
        with git_server.running(git_server.GitServer(self.root)) as gone:
            url = gone.url("/owner/net.git")
        self.assertRegex(self.refusal(url), "connect.*; is the network up, and does it need a proxy")
        self.assertRegex(self.refusal("http://no-such-host.invalid/x.git"), "resolve host.*; is the network up")


ATTRIBUTES = """
tests export-ignore
*.secret export-ignore
version.py export-subst
"""
VERSION = """
NAMES = "$Format:%d$"
COMMIT = "$Format:%H %h %T %ci %an <%ae> %s %P$"
ODD = "$Format:%q 100%% %$" "$Format:unended"
"""


class Archives(Remote):
    """owner/net stands on GitHub, which makes an archive of any commit."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.bare = os.path.join(cls.root, "owner", "net.git")
        work = os.path.join(cls.folder, "work")
        files = {".gitattributes": ATTRIBUTES, "version.py": VERSION, "tests/test_x.py": "", "a b/ü.txt": "text", "x.secret": "",
                 "/".join(["deep"] * 30) + "/" + "long" * 20: "far down", "lib/run.sh": "echo", "crlf.txt": "a\r\nb\r\n"}
        for name, text in files.items():
            path = os.path.join(work, name)
            os.makedirs(os.path.dirname(path), exist_ok=True)
            with open(path, "w", encoding="utf-8", newline="") as file:
                file.write(text)
        os.chmod(os.path.join(work, "lib/run.sh"), 0o755)
        os.symlink("lib/run.sh", os.path.join(work, "link"))
        os.symlink("../a b", os.path.join(work, "lib/folder"))
        git(work, "add", "--all")
        git(work, "commit", "--quiet", "--message", "A commit's subject")
        git(work, "push", "--quiet", cls.bare, "main")
        cls.head = git(work, "rev-parse", "HEAD")

    def setUp(self):
        super().setUp()
        self.server = self.serve(git_server.GitServer(self.root))
        self.server.fault = lambda handler: self.send_archive(handler)
        self.github = {"HUBCELL_GITHUB_URL": self.server.url()}

    def send_archive(self, handler, content=None):
        found = re.fullmatch("/owner/net/archive/([0-9a-f]{40}).tar.gz", handler.path)
        if found is None:
            return False
        if content is None:
            content = subprocess.run(("git", "--git-dir", self.bare, "archive", "--format=tar.gz", f"--prefix=net-{found[1]}/", found[1]),
                                     check=True, capture_output=True).stdout
        handler.send_content(200, content)
        return True

    def tree(self):
        """{path: (kind, content)} of the one checkout."""
        root = os.path.join(self.cache, "hub/hubcell/repositories")
        checkout = os.path.join(root, os.listdir(root)[0], "checkouts", self.head)
        tree = {}
        for parent, folders, files in os.walk(checkout):
            for name in (*folders, *files):
                path = os.path.join(parent, name)
                if os.path.islink(path):
                    tree[os.path.relpath(path, checkout)] = "link", os.readlink(path)
                elif name in files:
                    with open(path, "rb") as file:
                        tree[os.path.relpath(path, checkout)] = os.stat(path).st_mode & 0o777, file.read()
        return tree

    def posts(self):
        return sum(method == "POST" for method, _, _ in self.server.requests)

    def test_both_roads_lead_to_the_same_files(self):
        self.assertEqual(self.entries("owner/net", **self.github), ["third"])
        self.assertEqual(self.posts(), 0, "the history stays where it is")
        by_archive = self.tree()
        subprocess.run(("chmod", "-R", "u+w", self.cache), check=True)
        shutil.rmtree(os.path.join(self.cache, "hub"))
        self.server.fault = None
        self.assertEqual(self.entries("owner/net", **self.github), ["third"])
        self.assertEqual(self.posts(), 1)
        self.assertEqual(self.tree(), by_archive)
        self.assertIn(f'COMMIT = "{self.head} '.encode(), by_archive["version.py"][1])
        self.assertIn(b'NAMES = " (HEAD -> main)"', by_archive["version.py"][1])
        self.assertEqual([name for name in by_archive if name.startswith("tests") or name.endswith(".secret")], [])
        self.assertEqual((by_archive["lib/run.sh"][0], by_archive["hubconf.py"][0]), (0o555, 0o444))

    def test_without_an_archive_git_fetches(self):
        for words, content in (("answers 404", None), ("Unrecognized archive format", b"<html>" * 1000)):
            with self.subTest(words):
                self.server.fault = (lambda handler, content=content: False if content is None else self.send_archive(handler, content))
                self.cache = tempfile.mkdtemp(dir=self.folder)
                listed = self.hubcell("list", "owner/net", "-v", **self.github)
                self.assertEqual(listed.stdout.split(), ["third"], listed.stderr)
                self.assertRegex(listed.stderr, f"archive/.*{words}.*; fetching by git instead")
                self.assertEqual(len(self.found("checkouts")), 1)

    def test_an_older_commit_is_shown_to_belong_here(self):
        self.assertEqual(self.entries(f"owner/net@{self.commits[0]}", **self.github), ["first"])
        self.assertEqual(self.posts(), 1)


class Https(Remote):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.certificate, cls.authority = git_server.make_authority(cls.folder)

    def setUp(self):
        super().setUp()
        self.server = self.serve(git_server.GitServer(self.root, self.certificate))
        self.url = self.server.url("/owner/net.git")

    def test_an_authority_of_ones_own_is_trusted_where_it_is_named(self):
        self.assertRegex(self.refusal(self.url), "certificate.*; SSL_CERT_FILE names the authorities to trust")
        self.assertEqual(self.entries(self.url, SSL_CERT_FILE=self.authority), ["third"])

    def test_a_certificate_for_another_name_is_refused(self):
        wrong = self.server.url("/owner/net.git", host="localhost")
        self.assertRegex(self.refusal(wrong, SSL_CERT_FILE=self.authority), "certificate|alternative|does not match")

    def test_it_is_never_left_for_http(self):
        plain = self.serve(git_server.GitServer(self.root))
        self.server.fault = lambda handler: handler.send_content(302, headers={"Location": plain.url(handler.path)}) or True
        self.assertRegex(self.refusal(self.url, SSL_CERT_FILE=self.authority), "[Pp]rotocol")
        self.assertEqual(plain.requests, [])

    def test_proxies_are_used(self):
        for kind, variable in (("http", "https_proxy"), ("socks5h", "all_proxy")):
            with self.subTest(kind):
                proxy = self.serve(git_server.Proxy(kind))
                name = {"http": "main", "socks5h": "old"}[kind]
                there = {variable: proxy.url(), "SSL_CERT_FILE": self.authority}
                self.assertEqual(self.entries(f"{self.url}@{name}", **there), [{"main": "third", "old": "second"}[name]])
                self.assertEqual(set(proxy.targets), {f"127.0.0.1:{self.server.server_port}"})
                self.assertEqual(self.entries(f"{self.url}@v1", no_proxy="127.0.0.1", **there), ["second"])


if __name__ == "__main__":
    unittest.main()
