"""What foreign code fetches while it loads: by which names it can, and by which rules it may.

Run: PYTHONPATH=build/dev/python:tests/support HUBCELL_PROGRAM=build/dev/bin/hubcell HUBCELL_TEST_CPP=build/dev/tests/downloads_in_cpp python3 tests/python/supplies_test.py
"""

import contextlib
import hashlib
import importlib.util
import inspect
import io
import json
import os
import subprocess
import tempfile
import unittest

import torch

import git_server
from file_server import FileServer
from support import make_git_repository, write_files

PROGRAM = os.environ["HUBCELL_PROGRAM"]
CPP_PROGRAM = os.environ["HUBCELL_TEST_CPP"]
RESOLVER = os.environ.get("HUBCELL_TEST_RESOLVER", "")
DEADLINE_S = 60
for _name in [name for name in os.environ if "proxy" in name.lower()]:
    del os.environ[_name]

import hubcell  # noqa: E402

INNER = '''
import torch

def small(outputs=1):
    """A small one."""
    return torch.nn.Linear(2, outputs)
'''
OUTER = '''
import os, torch, urllib.error, urllib.request
from torch.hub import load_state_dict_from_url

def net(url):
    model = torch.hub.load("owner/inner", "small", outputs=3)
    model.load_state_dict(load_state_dict_from_url(url, progress=False))
    return model

def reads(url, name):
    """How many bytes each way to fetch `url` gives."""
    if name == "urlopen":
        with urllib.request.urlopen(url) as response:
            assert response.status == response.getcode() == 200 and response.geturl() == url
            content = response.read()
            assert int(response.getheader("Content-Length")) == len(content)
    elif name == "Request":
        content = urllib.request.urlopen(urllib.request.Request(url, headers={"User-Agent": "x"})).read()
    elif name == "urlretrieve":
        steps = []
        path, headers = urllib.request.urlretrieve(url, reporthook=lambda *step: steps.append(step))
        content = open(path, "rb").read()
        assert steps[-1][1] == len(content)
    elif name == "urlretrieve to":
        content = open(urllib.request.urlretrieve(url, "here.bin")[0], "rb").read()
    elif name == "requests":
        import requests
        response = requests.get(url, timeout=5, stream=True)
        response.raise_for_status()
        content = b"".join(response.iter_content(7))
        assert response.ok and len(requests.get(url).content) == len(content)
    elif name == "model_zoo":
        from torch.utils import model_zoo
        return len(str(model_zoo.load_url(url)))
    else:
        torch.hub.download_url_to_file(url, "there.bin", progress=False)
        content = open("there.bin", "rb").read()
    return len(content)

def two(first, second):
    """Two files of one name."""
    return [load_state_dict_from_url(url)["epoch"] for url in (first, second)]

def asks(repository):
    return torch.hub.load(repository, "small"), torch.hub.list(repository), torch.hub.help(repository, "small")

def answers(url):
    """An exception as foreign code sees it."""
    try:
        load_state_dict_from_url(url)
    except urllib.error.URLError as error:
        return str(error)

def hashed(url, prefix):
    torch.hub.download_url_to_file(url, "x", prefix)

def connects():
    import socket
    socket.create_connection(("127.0.0.1", 80))

def resolves():
    import urllib.request
    urllib.request.urlopen("http://example.org", data=b"posted")

def starts():
    import subprocess
    subprocess.check_call(["pip", "install", "something"])

class Mapped(torch.nn.Linear):
    """Its weights are the checkpoint's own pages."""

    def __init__(self, path):
        super().__init__(2, 3)
        self.load_state_dict(torch.load(path, mmap=True), assign=True)

    def file(self):
        """Device and inode of what is mapped where the weight lies."""
        with open("/proc/self/maps") as maps:
            for line in maps:
                begin, end = (int(part, 16) for part in line.split()[0].split("-"))
                if begin <= self.weight.data_ptr() < end:
                    return line.split()[3:5]

    def zero(self):
        with torch.no_grad():
            self.weight.zero_()

def maps(url):
    torch.hub.download_url_to_file(url, "mapped.pth", progress=False)
    return Mapped("mapped.pth")

class Later(torch.nn.Module):
    def forward(self, url):
        return load_state_dict_from_url(url, file_name=str(hash(url)))["epoch"]

def later():
    return Later()
'''


class Supplies(unittest.TestCase):
    """A server that stands for GitHub and has files, too; each test with a cache of its own."""

    @classmethod
    def setUpClass(cls):
        folder = tempfile.TemporaryDirectory(prefix="hubcell-test-")
        cls.addClassCleanup(folder.cleanup)
        cls.root = os.path.join(folder.name, "root")
        os.makedirs(os.path.join(cls.root, "owner"))
        for name, text in (("inner", INNER), ("outer", OUTER)):
            make_git_repository(cls.root, f"owner/{name}", {"main": {"hubconf.py": text}})
        buffer = io.BytesIO()
        torch.save({"weight": torch.arange(6.).reshape(3, 2), "bias": torch.zeros(3)}, buffer)
        cls.weights = buffer.getvalue()

    def setUp(self):
        running = git_server.running(FileServer(self.root))
        self.server = running.__enter__()
        self.addCleanup(running.__exit__, None, None, None)
        self.server.files["/w/net.pth"] = self.weights
        self.url = self.server.url("/w/net.pth")
        folder = tempfile.TemporaryDirectory(prefix="hubcell-test-")
        self.addCleanup(folder.cleanup)
        self.folder = folder.name
        before = dict(os.environ)
        self.addCleanup(os.environ.update, before)
        self.addCleanup(os.environ.clear)
        os.environ.update(HUBCELL_GITHUB_URL=self.server.url(), TORCH_HOME=self.folder, HUBCELL_ALLOW_PRIVATE_ADDRESSES="1")
        stderr = contextlib.redirect_stderr(io.StringIO())
        stderr.__enter__()
        self.addCleanup(stderr.__exit__, None, None, None)

    def hub(self, **environment):
        os.environ.update(environment)
        hub = hubcell.Hub()
        self.addCleanup(hub.close)
        return hub

    def load(self, hub, entry, *arguments, **options):
        return hub.load("owner/outer", entry, *arguments, trust_repo=True, verbose=False, **options)

    def refusal(self, function, *arguments, **options):
        with self.assertRaises(hubcell.Error) as caught:
            function(*arguments, **options)
        return str(caught.exception).split("\n")[0]

    def path(self, *names):
        return os.path.join(self.folder, "hub", *names)


class Names(Supplies):
    def test_weights_by_url_and_a_nested_load(self):
        hub = self.hub()
        model = self.load(hub, "net", self.url)
        self.assertEqual(model(torch.ones(1, 2)).tolist(), [[1.0, 5.0, 9.0]])
        asked = len(self.server.requests)
        with self.hub() as other:
            self.load(other, "net", self.url)
        self.assertEqual(len(self.server.requests), asked, "what is in the cache needs no network")
        self.assertFalse(os.path.exists(self.path("checkpoints")))
        with open(self.path("hubcell", "trusted"), encoding="utf-8") as trusted:
            self.assertEqual(trusted.read(), "owner/outer\n", "only a caller's answer is written")
        self.load(hub, "net", self.url, force_reload=True)
        self.assertEqual(self.server.asked("/w/net.pth"), 2, "the weights are fetched again")

    def test_workers_that_map_a_checkpoint_share_its_pages(self):
        if "mmap" not in inspect.signature(torch.load).parameters:
            self.skipTest("this torch maps no checkpoints")
        one, other = (self.load(self.hub(), "maps", self.url) for _ in range(2))
        self.assertNotEqual(hubcell.info(one)["pid"], hubcell.info(other)["pid"])
        self.assertEqual(one.file(), other.file())
        self.assertNotEqual(one.file()[1], "0", "it is a file")
        one.zero()
        self.assertEqual(one(torch.ones(1, 2)).tolist(), [[0.0, 0.0, 0.0]])
        self.assertEqual(other(torch.ones(1, 2)).tolist(), [[1.0, 5.0, 9.0]])

    def test_the_command_line(self):
        done = subprocess.run((PROGRAM, "run", "owner/outer", "net", "-a", self.url, "-x", "ones:1x2", "--json"),
                              capture_output=True, text=True, timeout=DEADLINE_S)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(json.loads(done.stdout)["output"]["data"], [1.0, 5.0, 9.0])

    def test_in_cpp(self):
        done = subprocess.run((CPP_PROGRAM, self.url, self.folder), capture_output=True, text=True, timeout=DEADLINE_S)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(done.stdout.split()[:4], ["1", "5", "9", str(len(self.weights))])
        self.assertEqual(done.stdout.split()[4:], ["a", "dict", "of", "2", "file", "checkpoint"])

    def test_every_way_to_fetch_a_url(self):
        hub = self.hub()
        for name in ("urlopen", "Request", "urlretrieve", "urlretrieve to", "requests", "download_url_to_file"):
            with self.subTest(name):
                if name == "requests" and importlib.util.find_spec("requests") is None:
                    self.skipTest("this interpreter has no requests")
                self.assertEqual(self.load(hub, "reads", self.url, name), len(self.weights))
        self.assertGreater(self.load(hub, "reads", self.url, "model_zoo"), 0)
        self.assertEqual(self.server.asked("/w/net.pth"), 1)

    def test_two_files_of_one_name(self):
        for number in (1, 2):
            buffer = io.BytesIO()
            torch.save({"epoch": number}, buffer)
            self.server.files[f"/{number}/net.pth"] = buffer.getvalue()
        self.assertEqual(self.load(self.hub(), "two", *(self.server.url(f"/{number}/net.pth") for number in (1, 2))), [1, 2])

    def test_list_and_help_of_another_repository(self):
        _, names, text = self.load(self.hub(), "asks", "owner/inner:main")
        self.assertEqual((names, text), (["small"], "A small one."))

    def test_what_cannot_be_had(self):
        hub = self.hub()
        self.assertRegex(self.load(hub, "answers", self.server.url("/none.pth")), "<urlopen error download http.*answers 404")
        self.assertIn("invalid hash value", self.refusal(self.load, hub, "hashed", self.url, "00"))
        self.load(hub, "hashed", self.url, hashlib.sha256(self.weights).hexdigest()[:8])
        for entry, words in (("connects", "hubcell gives a worker no network: .*hubcell.File"), ("resolves", "hubcell gives a worker no network"),
                             ("starts", "hubcell starts no programs for a worker: .*--python .*--sandbox off")):
            with self.subTest(entry):
                self.assertRegex(self.refusal(self.load, hub, entry), words)


class Lock(Supplies):
    def setUp(self):
        super().setUp()
        self.lock = os.path.join(self.folder, "hubcell.lock")

    def locked(self):
        with open(self.lock, encoding="utf-8") as file:
            return json.load(file)

    def locked_hub(self):
        hub = hubcell.Hub(lock=self.lock)
        self.addCleanup(hub.close)
        return hub

    def test_what_is_used_is_written_down_and_may_not_change(self):
        hub = self.locked_hub()
        self.load(hub, "net", self.url)
        before = self.locked()
        self.assertEqual([(entry["name"], entry["ref"], len(entry["commit"])) for entry in before["repositories"]],
                         [("owner/outer", "main", 40), ("owner/inner", "main", 40)])
        self.assertEqual(before["files"], [{"url": self.url, "sha256": hashlib.sha256(self.weights).hexdigest()}])
        self.load(hub, "net", self.url)
        self.assertEqual(self.locked(), before)
        hub.load_state_dict_from_url(self.server.url("/w/net.pth?mine"))
        self.assertEqual(len(self.locked()["files"]), 2)
        self.server.files["/w/net.pth"] = self.weights + b"changed"
        again = self.locked_hub()
        self.assertIn("invalid hash value", self.refusal(self.load, again, "net", self.url, force_reload=True))
        self.assertIn("invalid hash value", self.refusal(again.load_state_dict_from_url, self.server.url("/w/net.pth?mine"),
                                                         file_name="other"))
        for index, words in ((0, "load owner/outer@main: it is commit"), (1, "load owner/inner@main: it is commit")):
            other = json.loads(json.dumps(before))
            other["repositories"][index]["commit"] = "0" * 40
            write_files(self.folder, {"hubcell.lock": json.dumps(other)})
            self.assertRegex(self.refusal(self.load, self.locked_hub(), "net", self.url),
                             words + " [0-9a-f]{40}, and the lock file says 0{40}")

    def test_a_file_that_is_no_lock_file(self):
        write_files(self.folder, {"hubcell.lock": "{}"})
        self.assertIn(f"read the lock file {self.lock}: ", self.refusal(hubcell.Hub, lock=self.lock))


class Rules(Supplies):
    def test_only_while_a_load_runs(self):
        later = self.load(self.hub(), "later")
        self.assertIn("only while a load runs in it: URLs would carry the inputs of calls out", self.refusal(later, self.url))
        self.assertEqual(self.server.asked("/w/net.pth"), 0)

    def test_at_any_time_of_hosts_that_are_allowed(self):
        hub = hubcell.Hub(allow_net=["other.example", "127.0.0.1"])
        self.addCleanup(hub.close)
        later = self.load(hub, "later")
        self.assertIn("KeyError", self.refusal(later, self.url), "it came, and has no epoch")
        self.assertEqual(self.server.asked("/w/net.pth"), 1)
        for url in (self.url.replace("127.0.0.1", "localhost"), self.url.replace("127", "127.0.0.1@127", 1)):
            self.assertIn("--allow-net HOST", self.refusal(later, url + "?x"))
        with self.assertRaisesRegex(hubcell.Error, "a host is named as in example.org"):
            self.load(hubcell.Hub(allow_net=["http://x"]), "later")

    def test_the_command_that_finds_out_which_hosts_that_takes(self):
        words = (PROGRAM, "permissions", "owner/outer", "later", "-x", f"json:{json.dumps(self.url)}", "--json")
        done = subprocess.run(words, capture_output=True, text=True, timeout=DEADLINE_S)
        self.assertEqual(done.returncode, 1, done.stderr)
        self.assertEqual(json.loads(done.stdout)["options"], ["--allow-net", "127.0.0.1"])
        done = subprocess.run((*words, "--allow-net", "127.0.0.1"), capture_output=True, text=True, timeout=DEADLINE_S)
        found = json.loads(done.stdout)
        self.assertEqual((found["options"], found["observed"]),
                         ([], [{"kind": "fetch", "what": self.url, "refusal": None, "option": None}]))

    def test_nothing_of_this_machine(self):
        self.load(self.hub(), "later")  # the repository is in the cache now
        hub = self.hub(HUBCELL_ALLOW_PRIVATE_ADDRESSES="0")
        port = self.server.server_port
        asked = len(self.server.requests)
        for host in ("127.0.0.1", "localhost", "127.1", "[::1]", "[::ffff:127.0.0.1]", "0.0.0.0", "2130706433"):
            with self.subTest(host):
                answer = self.load(hub, "answers", f"http://{host}:{port}/w/net.pth")
                self.assertRegex(answer, "is this machine or on its network.*HUBCELL_ALLOW_PRIVATE_ADDRESSES=1 allows it")
        self.assertEqual(len(self.server.requests), asked)

    def test_no_way_around_by_names_and_redirects(self):
        self.load(self.hub(), "later")
        proxy = git_server.running(git_server.Proxy("socks5h"))
        self.addCleanup(proxy.__exit__, None, None, None)
        there = f"http://public.example:{self.server.server_port}"
        hub = self.hub(HUBCELL_ALLOW_PRIVATE_ADDRESSES="0", all_proxy=proxy.__enter__().url(), no_proxy="public.example")
        self.assertIsNone(self.load(hub, "answers", f"{there}/w/net.pth"), "the program's proxy is its way to the network")
        self.server.fault = lambda handler: handler.send_content(302, headers={"Location": self.url}) or True
        self.assertIn("127.0.0.1 is this machine or on its network", self.load(hub, "answers", f"{there}/w/other.pth"))

    def test_a_public_name_with_a_private_address(self):
        if not os.path.exists(RESOLVER):
            self.skipTest("a sanitizer's runtime has to be loaded first")
        self.load(self.hub(), "later")
        there = f"http://public.example:{self.server.server_port}/w/net.pth"
        allowed = self.hub(LD_PRELOAD=RESOLVER)
        self.assertIsNone(self.load(allowed, "answers", there), "the name has the address of this machine")
        hub = self.hub(HUBCELL_ALLOW_PRIVATE_ADDRESSES="0")
        self.assertIn("the address of its host is this machine or on its network", self.load(hub, "answers", there + "?again"))

    def test_no_token(self):
        hub = self.hub(GITHUB_TOKEN="secret")
        self.load(hub, "net", self.url)
        self.assertEqual({path.split("/")[2].partition(".")[0] for _, path, who in self.server.requests if who}, {"outer"},
                         "only what the caller asked for")

    def test_no_private_repository(self):
        def wants_a_name(handler):
            if "/owner/inner" not in handler.path or handler.headers.get("Authorization"):
                return False
            handler.send_content(401, headers={"WWW-Authenticate": "Basic"})
            return True
        files, self.server.fault = self.server.fault, lambda handler: wants_a_name(handler) or files(handler)
        hub = self.hub(GITHUB_TOKEN="secret")
        hub.load("owner/inner", "small", trust_repo=True, verbose=False)
        self.assertIn("answers 401", self.refusal(self.load, hub, "asks", "owner/inner"))

    def test_a_url_of_any_length_is_refused_and_harms_nobody(self):
        hub = self.hub()
        beside = hub.load("owner/inner", "small", trust_repo=True, verbose=False)
        self.load(hub, "later")
        for url in (self.server.url("/" + "a" * 100_000), "http://" + "a" * 100_000):
            self.assertIn("URLError", self.refusal(self.load, hub, "reads", url, "urlopen"))
        self.assertEqual(beside(torch.zeros(1, 2)).shape, (1, 1))

    def test_no_files_folders_and_keys(self):
        secret = write_files(self.folder, {"secret.pth": self.weights}) + "/secret.pth"
        hub = self.hub()
        self.assertRegex(self.load(hub, "answers", "file://" + secret), "Permission denied|No such file")
        for repository in ("file://" + self.root + "/owner/inner.git", "./inner", self.root, "git@host:owner/inner.git", "ssh://host/x.git"):
            with self.subTest(repository):
                self.assertIn("inside a hubconf this must be owner/name or an https:// URL",
                              self.refusal(self.load, hub, "asks", repository))

    def test_files_of_torch_hub_only_where_they_are_certainly_the_same(self):
        hashed = f"net-{hashlib.sha256(self.weights).hexdigest()[:8]}.pth"
        wrong = "net-00000000.pth"
        write_files(self.path("checkpoints"), {"net.pth": b"planted", hashed: self.weights, wrong: b"planted"})
        for name in (hashed, wrong):
            self.server.files[f"/w/{name}"] = self.weights
        hub = self.hub()
        for name, asked in (("net.pth", 1), (hashed, 0), (wrong, 1)):
            with self.subTest(name):
                self.load(hub, "net", self.server.url(f"/w/{name}"))
                self.assertEqual(self.server.asked(f"/w/{name}"), asked)

    def test_any_file_of_torch_hub_where_that_folder_may_be_read(self):
        write_files(self.path("checkpoints"), {"net.pth": self.weights})
        hub = hubcell.Hub(allow_read=[self.path()])
        self.addCleanup(hub.close)
        self.load(hub, "net", self.url)
        self.assertEqual(self.server.asked("/w/net.pth"), 0)

    def test_a_file_of_the_callers_own_from_the_same_url(self):
        hub = self.hub()
        hub.load_state_dict_from_url(self.url)
        self.load(hub, "net", self.url)
        self.assertEqual(self.server.asked("/w/net.pth"), 1)
        self.server.files["/v/net.pth"] = self.weights
        self.load(hub, "net", self.server.url("/v/net.pth"))
        self.assertEqual(self.server.asked("/v/net.pth"), 1, "a name alone says nothing")

    def test_grants_go_with_their_worker(self):
        hub = self.hub()
        self.load(hub, "net", self.url)
        grants = self.path("hubcell", "grants")
        self.assertNotEqual(os.listdir(grants), [])
        hub.close()
        for _ in range(100):
            if not os.listdir(grants):
                return
            subprocess.run(("sleep", "0.05"), check=True)
        self.fail(f"left: {os.listdir(grants)}")


if __name__ == "__main__":
    unittest.main()
