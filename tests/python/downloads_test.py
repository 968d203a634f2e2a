"""Files by their URL: the program's own downloads, what workers have fetched, and what they must not get.

Run: PYTHONPATH=build/dev/python:tests/support python3 tests/python/downloads_test.py
"""

import contextlib
import hashlib
import io
import os
import pickle
import signal
import stat
import subprocess
import sys
import tempfile
import threading
import time
import unittest

import torch
import torch.hub

import git_server
from file_server import FileServer

DEADLINE_S = 60
for _name in [name for name in os.environ if "proxy" in name.lower()]:
    del os.environ[_name]

import hubcell  # noqa: E402


class Downloads(unittest.TestCase):
    """A file of 1 MB on a server of its own, and a folder to put things into."""

    @classmethod
    def setUpClass(cls):
        cls.content = os.urandom(1_000_000)
        cls.sha256 = hashlib.sha256(cls.content).hexdigest()

    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="hubcell-test-")
        self.addCleanup(folder.cleanup)
        self.folder = folder.name
        self.server = self.enterContext_(git_server.running(FileServer()))
        self.server.files["/models/net.pth"] = self.content
        self.url = self.server.url("/models/net.pth")
        self.place = os.path.join(self.folder, "net.pth")
        self.stderr = self.enterContext_(contextlib.redirect_stderr(io.StringIO()))

    def enterContext_(self, manager):  # unittest has it from 3.11 on
        entered = manager.__enter__()
        self.addCleanup(manager.__exit__, None, None, None)
        return entered

    def read(self, path=None):
        with open(path or self.place, "rb") as file:
            return file.read()

    def refusal(self, function, *args, error=hubcell.SourceError, **kwargs):
        with self.assertRaises(error) as caught:
            function(*args, **kwargs)
        self.assertNotIn("\n", str(caught.exception))
        return str(caught.exception)


class ToFile(Downloads):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.hub = hubcell.Hub()
        cls.addClassCleanup(cls.hub.close)

    def download(self, **options):
        self.hub.download_url_to_file(self.url, self.place, progress=False, **options)
        self.assertEqual(self.read(), self.content)

    def refused(self, words, **options):
        """Nothing is left, and what was there stays."""
        with open(self.place, "wb") as file:
            file.write(b"before")
        self.assertRegex(self.refusal(self.hub.download_url_to_file, self.url, self.place, **options), words)
        self.assertEqual(os.listdir(self.folder), ["net.pth"])
        self.assertEqual(self.read(), b"before")

    def test_it_is_whole_and_has_ordinary_rights(self):
        mask = os.umask(0)
        os.umask(mask)
        self.download(hash_prefix=self.sha256[:8])
        self.assertEqual(stat.S_IMODE(os.stat(self.place).st_mode), 0o644 & ~mask)
        with open(self.place, "wb") as file:
            file.write(b"something else")
        self.download()
        self.assertEqual(os.listdir(self.folder), ["net.pth"])

    def test_file_urls_and_paths_with_a_home(self):
        source = os.path.join(self.folder, "a source")
        with open(source, "wb") as file:
            file.write(b"local")
        home, os.environ["HOME"] = os.environ.get("HOME", "/"), self.folder
        try:
            self.hub.download_url_to_file("file://" + source.replace(" ", "%20"), "~/copy")
        finally:
            os.environ["HOME"] = home
        self.assertEqual(self.read(os.path.join(self.folder, "copy")), b"local")

    def test_another_hash_leaves_what_was_there(self):
        self.refused('invalid hash value \\(expected "00", got "[0-9a-f]{64}"\\)', hash_prefix="00")
        with self.assertRaisesRegex(RuntimeError, "invalid hash value"):
            torch.hub.download_url_to_file(self.url, self.place, hash_prefix="00", progress=False)

    def test_a_folder_that_is_not_there(self):
        for hub in (torch.hub, self.hub):
            with self.assertRaises(FileNotFoundError):
                hub.download_url_to_file(self.url, os.path.join(self.folder, "none", "x"))

    def test_it_goes_on_where_a_connection_broke(self):
        self.server.cut = 100_000
        self.download(hash_prefix=self.sha256)
        self.assertEqual(self.server.asked("/models/net.pth"), 10)

    def test_what_changes_meanwhile_is_begun_anew(self):
        before = self.content[::-1]
        self.server.files["/models/net.pth"], self.server.cut = before, 300_000
        tags = iter(['"1"', '"2"'] + ['"2"'] * 20)

        def etag(path):
            tag = next(tags)
            if tag == '"2"':
                self.server.files[path] = self.content
            return tag
        self.server.etag = etag
        self.download()

    def test_a_short_body_is_no_file(self):
        self.server.ranges, self.server.cut = False, 100_000
        self.refused("download http://.*/models/net.pth: .* of 1000000 bytes, and no further in 4 tries")
        self.server.cut, self.server.lie = None, 10
        self.refused("1000010 bytes")
        torch.hub.download_url_to_file(self.url, self.place, progress=False)
        self.assertEqual(len(self.read()), 1_000_000, "torch.hub takes what came for the file")

    def test_a_part_that_nobody_asked_for_is_no_file(self):
        def part(handler):
            handler.send_content(206, self.content[:1000], {"Content-Range": "bytes 0-999/1000000"})
            return True
        self.server.fault = part
        self.refused("the server answers with another part than it was asked for")

    def test_answers_that_are_no_file(self):
        here = self.server.url("/models/net.pth")
        for words, status, headers in (("answers 403", 403, {}), ("answers 404", 404, {}), ("redirect", 302, {"Location": here}),
                                       ("answers 500", 500, {}), ("answers 429", 429, {"Retry-After": "1"})):
            with self.subTest(words):
                answer = self.server.fault
                self.server.fault = lambda handler: handler.send_content(status, headers=headers) or True  # noqa: B023
                self.refused(words)
                self.server.fault = answer
        self.download()

    def test_more_than_the_disk_has_is_refused_at_once(self):
        def huge(handler):
            handler.send_response(200)
            handler.send_header("Content-Length", str(1 << 60))
            handler.end_headers()
            handler.wfile.write(b"begin")
            handler.close_connection = True
            return True
        self.server.fault = huge
        self.assertRegex(self.refusal(self.hub.download_url_to_file, self.url, self.place, error=hubcell.Error),
                         f"it has {1 << 60} bytes, and the disk has room for [0-9]+; make room")
        self.assertEqual(os.listdir(self.folder), [])

    def test_a_full_disk_is_one_line_and_leaves_nothing(self):
        if subprocess.run(("mount", "-t", "tmpfs", "-o", "size=256k", "none", self.folder), capture_output=True).returncode:
            self.skipTest("a small file system cannot be mounted here")
        self.addCleanup(subprocess.run, ("umount", self.folder), check=True)

        def endless(handler):
            handler.send_response(200)
            handler.end_headers()
            with contextlib.suppress(OSError):
                while True:
                    handler.wfile.write(bytes(1 << 16))
            handler.close_connection = True
            return True
        self.server.fault = endless
        self.assertRegex(self.refusal(self.hub.download_url_to_file, self.url, self.place, error=hubcell.Error),
                         "the disk is full after [0-9]+ bytes; make room")
        self.assertEqual(os.listdir(self.folder), [])

    def test_a_kill_leaves_nothing(self):
        def kill_while_loading(package):
            begun = threading.Event()

            def hangs(handler):
                handler.send_response(200)
                handler.send_header("Content-Length", "1000000")
                handler.end_headers()
                handler.wfile.write(bytes(500_000))
                begun.set()
                time.sleep(DEADLINE_S)
                return True
            self.server.fault = hangs
            program = f"import {package} as hub; hub.download_url_to_file({self.url!r}, {self.place!r}, progress=False)"
            loading = subprocess.Popen((sys.executable, "-c", program), stderr=subprocess.DEVNULL)
            self.assertTrue(begun.wait(DEADLINE_S))
            time.sleep(0.3)
            loading.send_signal(signal.SIGKILL)
            loading.wait()
            return os.listdir(self.folder)
        self.assertEqual(kill_while_loading("hubcell"), [])
        self.assertNotEqual(kill_while_loading("torch.hub"), [])


class StateDict(Downloads):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        buffer = io.BytesIO()
        torch.save({"weight": torch.arange(6.).reshape(2, 3), "epoch": 7}, buffer)
        cls.content = buffer.getvalue()
        cls.sha256 = hashlib.sha256(cls.content).hexdigest()

    def setUp(self):
        super().setUp()
        before = hubcell.get_dir()
        hubcell.set_dir(self.folder)
        self.addCleanup(hubcell.set_dir, before)
        self.hub = hubcell.Hub()
        self.addCleanup(self.hub.close)
        self.checkpoints = os.path.join(self.folder, "checkpoints")

    def test_it_is_what_was_saved_and_stays_for_torch_hub(self):
        loaded = self.hub.load_state_dict_from_url(self.url, map_location="cpu")
        self.assertEqual(self.stderr.getvalue(), f'Downloading: "{self.url}" to {self.checkpoints}/net.pth\n')
        torch.testing.assert_close(loaded["weight"], torch.arange(6.).reshape(2, 3))
        self.assertEqual(loaded["epoch"], 7)
        for again in (self.hub, torch.hub):
            self.assertEqual(again.load_state_dict_from_url(self.url, model_dir=self.checkpoints)["epoch"], 7)
        self.assertEqual(self.server.asked("/models/net.pth"), 1)
        loaded["weight"] += 1
        torch.nn.Linear(3, 2, bias=False).load_state_dict({"weight": loaded["weight"]})

    def test_names_folders_and_hashes(self):
        good = f"/models/net-{self.sha256[:8]}.pth"
        self.server.files[good] = self.content
        self.hub.load_state_dict_from_url(self.server.url(good), check_hash=True)
        self.hub.load_state_dict_from_url(self.url, model_dir=os.path.join(self.folder, "mine"), file_name="other.bin")
        self.assertEqual(os.listdir(os.path.join(self.folder, "mine")), ["other.bin"])
        bad = "/models/net-00000000.pth"
        self.server.files[bad] = self.content
        self.assertIn("invalid hash value", self.refusal(self.hub.load_state_dict_from_url, self.server.url(bad), check_hash=True))
        self.assertNotIn("net-00000000.pth", os.listdir(self.checkpoints))

    def test_a_changed_file_does_not_count_where_its_hash_is_known(self):
        name = f"net-{self.sha256[:8]}.pth"
        self.server.files[f"/{name}"] = self.content
        os.makedirs(self.checkpoints)
        with open(os.path.join(self.checkpoints, name), "wb") as file:
            file.write(self.content[:100])
        self.assertEqual(self.hub.load_state_dict_from_url(self.server.url(f"/{name}"), check_hash=True)["epoch"], 7)

    def test_a_file_of_one_name_from_elsewhere_is_another(self):
        buffer = io.BytesIO()
        torch.save({"epoch": 8}, buffer)
        self.server.files["/others/net.pth"] = buffer.getvalue()
        there = self.server.url("/others/net.pth")
        self.assertEqual(self.hub.load_state_dict_from_url(self.url)["epoch"], 7)
        self.assertEqual(self.hub.load_state_dict_from_url(there)["epoch"], 8)
        torch.hub.load_state_dict_from_url(self.url, self.checkpoints)
        self.assertEqual(torch.hub.load_state_dict_from_url(self.url, self.checkpoints)["epoch"], 8, "torch.hub asks for the name alone")

    def test_a_hostile_file_runs_nothing_here(self):
        marker = os.path.join(self.folder, "ran")

        class Hostile:
            def __reduce__(self):
                return open, (marker, "w")
        os.makedirs(self.checkpoints)
        with open(os.path.join(self.checkpoints, "net.pth"), "wb") as file:
            torch.save(Hostile(), file, pickle_module=pickle)
        with self.assertRaises(hubcell.Error):
            self.hub.load_state_dict_from_url(self.url)
        self.assertFalse(os.path.exists(marker))
        with contextlib.suppress(Exception):
            torch.hub.load_state_dict_from_url(self.url, self.checkpoints)
        self.assertTrue(os.path.exists(marker), "torch.hub runs what lies there")

    def test_many_who_wait_are_one_download(self):
        self.server.cut, answers = 200, []  # so that it takes a while
        hubs = [self.hub, hubcell.Hub()]
        self.addCleanup(hubs[1].close)

        def load(hub):
            answers.append(hub.load_state_dict_from_url(self.url)["epoch"])
        threads = [threading.Thread(target=load, args=(hub,)) for hub in hubs]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual(answers, [7, 7])
        parts = -(-len(self.content) // 200)
        self.assertEqual(self.server.asked("/models/net.pth"), parts)


if __name__ == "__main__":
    unittest.main()
