"""The lists of trusted repositories; no worker is started.

Run: PYTHONPATH=build/dev/python:tests/support python3 tests/python/trust_test.py
"""

import contextlib
import io
import os
import subprocess
import sys
import tempfile
import threading
import unittest
import warnings

import hubcell
from hubcell import _folders, _trust

REMEMBER = """
import sys
from hubcell import _trust
for number in range(20):
    _trust.check(sys.argv[1], f"acme/net{number}", True)
    _trust.check(sys.argv[1], f"acme/own-{sys.argv[2]}-{number}", True)
"""


class HubFolder(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="hubcell-test-")
        self.addCleanup(folder.cleanup)
        self.folder = folder.name

    def path(self, *names):
        return os.path.join(self.folder, *names)

    def write(self, text, *names):
        os.makedirs(os.path.dirname(self.path(*names)), exist_ok=True)
        with open(self.path(*names), "w", encoding="utf-8") as file:
            file.write(text)

    def read(self, *names):
        with open(self.path(*names), encoding="utf-8") as file:
            return file.read()


class Lists(HubFolder):
    def asks(self, repository, trust_repo="check"):
        """Whether there is a question; it is not answered."""
        printed = io.StringIO()
        stdin, sys.stdin = sys.stdin, io.StringIO()
        try:
            with contextlib.redirect_stdout(printed):
                _trust.check(self.folder, repository, trust_repo)
        except hubcell.Error as refused:
            self.assertIn("pass trust_repo=True", str(refused))
        finally:
            sys.stdin = stdin
        return bool(printed.getvalue())

    def test_both_lists_are_written(self):
        _trust.check(self.folder, "acme/net@v1", True)
        self.assertEqual(self.read("hubcell", "trusted"), "acme/net\n")
        self.assertEqual(self.read("trusted_list"), "acme_net\n")
        self.assertFalse(self.asks("acme/net"))
        self.assertTrue(self.asks("acme/net", False))

    def test_a_question_without_an_answer_writes_nothing(self):
        self.assertTrue(self.asks("acme/net"))
        self.assertEqual(os.listdir(self.folder), [])

    def test_every_way_to_write_a_name_is_one_name(self):
        _trust.check(self.folder, "acme/net", True)
        for name in ("acme/net", "acme/net.git", "acme/net:main", "acme/net@feature/x", "acme/net.git:v1",
                     "acme/net@a:b@c"):
            self.assertFalse(self.asks(name), name)
        for name in ("acme/net2", "acme/net.v1", "Acme/net", "acme/ne", "acm/enet", "acme/net.git.git"):
            self.assertTrue(self.asks(name), name)

    def test_folders_urls_and_what_is_no_name_need_no_trust(self):
        for name in ("./net", "/acme/net", "../net", "file:///acme/net.git", "https://example.org/acme/net.git@v1",
                     "git@example.org:acme/net.git", "net", "acme/net/more", "acme/..", "", "acme/", "/", "acme/net:"):
            self.assertFalse(self.asks(name), name)

    def test_lines_of_torch_hub_are_believed_where_they_can_be_read_in_one_way(self):
        self.write("acme_net\na_b_c\n  spaced_out  \n", "trusted_list")
        for name, asked in (("acme/net", False), ("spaced/out", False), ("a/b_c", True), ("a_b/c", True),
                            ("a/b", True)):
            self.assertEqual(self.asks(name), asked, name)

    def test_our_lines_tell_what_torch_hubs_do_not(self):
        _trust.check(self.folder, "a/b_c", True)
        self.assertFalse(self.asks("a/b_c"))
        self.assertTrue(self.asks("a_b/c"))
        _trust.check(self.folder, "a_b/c", True)
        self.assertEqual(self.read("hubcell", "trusted"), "a/b_c\na_b/c\n")
        self.assertEqual(self.read("trusted_list"), "a_b_c\n")

    def test_folders_of_torch_hub(self):
        os.makedirs(self.path("acme_net_v1"))
        os.makedirs(self.path("acme_net_feature_x"))
        os.makedirs(self.path("acme_old_master"))
        os.symlink(self.path("acme_net_v1"), self.path("acme_net_v2"))
        self.write("", "acme_net_v3")
        for name, asked in (("acme/net:v1", False), ("acme/net", True), ("acme/net:v2", True), ("acme/net:v3", True),
                            ("acme/net:feature/x", True), ("acme/old", False)):
            self.assertEqual(self.asks(name), asked, name)
        self.assertFalse(os.path.exists(self.path("hubcell")))

    def test_lists_without_a_newline_at_the_end_and_with_odd_bytes(self):
        self.write("acme_one", "trusted_list")
        with open(self.path("trusted_list"), "ab") as file:
            file.write(b"\n\xff\xfe\nacme_two")
        _trust.check(self.folder, "acme/three", True)
        self.assertFalse(self.asks("acme/two"))
        with open(self.path("trusted_list"), "rb") as file:
            self.assertEqual(file.read(), b"acme_one\n\xff\xfe\nacme_two\nacme_three\n")

    def test_processes_that_write_at_once_keep_all_lines_and_add_none_twice(self):
        processes = [subprocess.Popen([sys.executable, "-B", "-c", REMEMBER, self.folder, str(number)])
                     for number in range(3)]
        self.assertEqual([process.wait(120) for process in processes], [0, 0, 0])
        names = sorted([f"net{number}" for number in range(20)]
                       + [f"own-{process}-{number}" for process in range(3) for number in range(20)])
        self.assertEqual(sorted(self.read("hubcell", "trusted").splitlines()), ["acme/" + name for name in names])
        self.assertEqual(sorted(self.read("trusted_list").splitlines()), ["acme_" + name for name in names])

    def test_a_list_that_cannot_be_written_costs_a_warning(self):
        self.write("in the way", "hubcell")
        os.makedirs(self.path("trusted_list"))
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            _trust.check(self.folder, "acme/net", True)
        self.assertEqual(len(caught), 2)
        self.assertIn("remember that acme/net is trusted", str(caught[0].message))
        self.assertTrue(self.asks("acme/net"))

    def test_without_any_stdin_there_is_no_trust(self):
        stdin, sys.stdin = sys.stdin, None
        try:
            with contextlib.redirect_stdout(io.StringIO()), \
                    self.assertRaisesRegex(hubcell.Error, "pass trust_repo=True"):
                _trust.check(self.folder, "acme/net", "check")
        finally:
            sys.stdin = stdin


if __name__ == "__main__":
    unittest.main()
