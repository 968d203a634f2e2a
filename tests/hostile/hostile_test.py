"""What a hostile model tries, at each rung of the sandbox and with each older Landlock. Each attempt has to get through without the
sandbox (of the groups "environment" and "integrity": in the caller's own process), or proves nothing.

Prints how many there are in each group, and how many get through. Run:
PYTHONPATH=build/dev/python:tests/support python3 -B tests/hostile/hostile_test.py [-v]
"""

import contextlib
import json
import os
import shutil
import socket
import subprocess
import sys
import sysconfig
import tempfile
import unittest

for _name in [name for name in os.environ if "proxy" in name.lower()]:
    del os.environ[_name]

import hubcell  # noqa: E402

HERE = os.path.dirname(os.path.abspath(__file__))
GROUPS = ("files", "processes", "network", "kernel", "descriptors", "environment", "resources", "integrity")
# Of them, those that are tried in the caller's own process instead of one without a sandbox.
IN_ONE_PROCESS = ("environment", "integrity")
# Those that Landlock has a part in.
BY_LANDLOCK = ("files", "processes", "network", "kernel", "descriptors")
LEVELS = ("off", "minimal", "full")
OLDER_LANDLOCKS = (("minimal", "1"), ("minimal", "2"), ("minimal", "4"), ("full", "1"))
# What resources.py tries to exceed; and, in its attempts that are made alone, a deadline in seconds.
BOUNDS = {"memory": "256MiB", "scratch": "16MiB"}
DEADLINE = {"deadline": 2.0}
# So many at least have to prove something.
PROOFS_MIN = 110
# What gets through without namespaces; and where root is the user, whose threads the kernel does not count.
BY_STAT = {"asks_whether_a_file_is_there", "asks_whether_a_file_is_there_by_its_errors"}
DISK = {"fills_its_folder_with_many_files"}
THREADS = {"starts_more_threads_than_it_may"} if os.getuid() == 0 else set()
KNOWN = {"minimal": BY_STAT | DISK | THREADS, "full": THREADS}
HUBCONF = """
import os, sys
sys.path.insert(0, os.path.dirname(__file__))
import attempt, {group}

def list_all():
    return attempt.list_attempts()

def outcomes(names, targets):
    return attempt.run(names, targets)

def is_seen(name):
    return {group}.is_seen(name)
"""
SIBLING = """
import os

def keeps():
    with open("kept", "w") as file:
        file.write("of the sibling")
    return os.path.abspath("kept")
"""


class Targets:
    """What is attacked: files, a process, servers; new for each level, since without a sandbox they suffer."""

    def __init__(self):
        self._stack = contextlib.ExitStack()
        self.folder = self._stack.enter_context(tempfile.TemporaryDirectory(prefix="hubcell-test-", ignore_cleanup_errors=True))
        for name in ("home", "cache"):
            os.mkdir(self.path(name))
        for name in ("secret", "movable", "emptied", "removed"):
            with open(self.path("home", name), "w", encoding="utf-8") as file:
                file.write(name)
        for group in GROUPS:
            os.mkdir(self.path(group))
            for name in ("attempt.py", f"{group}.py"):
                shutil.copy(os.path.join(HERE, name), self.path(group, name))
            self._write(group, HUBCONF.format(group=group))
        for name in ("models.py", "helper.py"):
            self._write("integrity", "WHOSE = 'own'\n", name)
        os.mkdir(self.path("sibling"))
        self._write("sibling", SIBLING)
        os.mkdir(self.path("program"))
        self._write("program", "", "of_the_program.py")
        os.environ.update(TORCH_HOME=self.path("cache"), GITHUB_TOKEN="secret", PASSWORD_OF_MINE="secret", AWS_SECRET_ACCESS_KEY="secret",
                          https_proxy="http://user:secret@127.0.0.1:9", SSH_AUTH_SOCK=self.path("agent"))
        self.shared_memory = "/dev/shm/none"
        if os.access("/dev/shm", os.W_OK):
            self.shared_memory = self._stack.enter_context(tempfile.NamedTemporaryFile(dir="/dev/shm", prefix="hubcell-test-")).name
        self.victim = self._stack.enter_context(subprocess.Popen(["sleep", "600"]))
        self._stack.callback(self.victim.kill)

    def _write(self, folder, text, name="hubconf.py"):
        with open(self.path(folder, name), "w", encoding="utf-8") as file:
            file.write(text)

    def path(self, *names):
        return os.path.join(self.folder, *names)

    def _socket(self, kind, address, family=socket.AF_UNIX):
        made = self._stack.enter_context(socket.socket(family, kind))
        made.bind(address)
        if kind == socket.SOCK_STREAM:
            made.listen(100)
        return made

    def all(self, hub):
        """For attempt.run: the second worker of the hub is among them."""
        kept = hub.load(self.path("sibling"), "keeps", source="local")
        streams = self._socket(socket.SOCK_STREAM, ("127.0.0.1", 0), socket.AF_INET)
        self._socket(socket.SOCK_STREAM, self.path("streams"))
        self._socket(socket.SOCK_DGRAM, self.path("datagrams"))
        self._socket(socket.SOCK_STREAM, f"\0{self.folder}")
        return {"home": self.path("home"), **{name: self.path("home", name) for name in ("secret", "movable", "emptied", "removed")},
                "other_checkout": self.path("sibling", "hubconf.py"), "other_scratch_file": kept,
                "scratch_root": os.path.dirname(os.path.dirname(kept)), "cache": self.path("cache"),
                "site_packages": sysconfig.get_path("purelib"), "pid": self.victim.pid,
                "shared_memory": self.shared_memory,
                "port": streams.getsockname()[1], "socket": self.path("streams"), "datagrams": self.path("datagrams"),
                "abstract": self.folder, "user_home": os.path.expanduser("~"), "program_folder": os.path.realpath(self.path("program"))}

    def close(self):
        self._stack.close()


def outcome_alone(hub, folder, name, targets):
    """None where it got through; in a worker that nothing else happens in, since it is of another repository."""
    copy = f"{folder}-{name}"
    shutil.copytree(folder, copy)
    try:
        return hub.load(copy, "outcomes", [name], targets, source="local")[name]
    except hubcell.Error as ended:
        return str(ended).splitlines()[0]


def outcome_for_another(hub, folder, name, targets):
    """None where the model that is loaded after it sees what it did."""
    other = f"{folder}-other-{name}"
    shutil.copytree(folder, other)
    why = outcome_alone(hub, folder, name, {**targets, "other": other})
    return why or (None if hub.load(other, "is_seen", name, source="local") else "the other does not see it")


def outcomes_in_one_process(group, targets, given):
    other = targets.path(f"{group}-other")
    shutil.copytree(targets.path(group), other)
    program = [sys.executable, "-B", os.path.join(HERE, "in_one_process.py"), group, targets.path(group),
               json.dumps({**given, "other": other}), "--password=secret"]
    ran = subprocess.run(program, cwd=targets.path("program"), env={**os.environ, "PYTHONPATH": targets.path("program")},
                         stdout=subprocess.PIPE, check=True, timeout=120)
    return json.loads(ran.stdout)


def outcomes_in_workers(hub, hub_for_one, group, targets, given):
    folder = targets.path(group)
    together, alone = hub.load(folder, "list_all", source="local")
    if group == "integrity":
        return {name: outcome_for_another(hub, folder, name, given) for name in together}
    outcomes = hub.load(folder, "outcomes", together, given, source="local")
    outcomes.update({name: outcome_alone(hub_for_one, folder, name, given) for name in alone})
    return outcomes


def outcomes_of(level, groups=GROUPS):
    """{group: {attempt: None where it got through, else why not}}"""
    targets = Targets()
    try:
        with contextlib.ExitStack() as stack:
            # With rng a model's seed reaches the program, and from there other models, as it does with torch.hub.
            hub = stack.enter_context(hubcell.Hub(sandbox=level, rng=False))
            hubs = {group: (hub, hub) for group in groups}
            if "resources" in groups and level != "off":
                hubs["resources"] = [stack.enter_context(hubcell.Hub(sandbox=level, **bounds)) for bounds in (BOUNDS, {**BOUNDS, **DEADLINE})]
            given = targets.all(hub)
            return {group: outcomes_in_one_process(group, targets, given) if level == "off" and group in IN_ONE_PROCESS else
                    outcomes_in_workers(*hubs[group], group, targets, given) for group in groups}
    finally:
        targets.close()


class Hostile(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        before = dict(os.environ)
        cls.addClassCleanup(os.environ.update, before)
        cls.addClassCleanup(os.environ.clear)
        cls.outcomes, cls.missing = {}, {}
        for level in LEVELS:
            cls.try_out(level, level)
        # Once: who the user is makes no difference to Landlock.
        for level, abi in OLDER_LANDLOCKS if os.getuid() == 0 else ():
            os.environ["HUBCELL_TEST_LANDLOCK_ABI"] = abi
            cls.try_out(f"{level}, ABI {abi}", level, BY_LANDLOCK)
        os.environ.pop("HUBCELL_TEST_LANDLOCK_ABI", None)
        cls.proofs = {(group, name) for group, names in cls.outcomes["off"].items() for name, why in names.items() if why is None}
        cls.show()

    @classmethod
    def try_out(cls, rung, level, groups=GROUPS):
        try:
            cls.outcomes[rung] = outcomes_of(level, groups)
        except hubcell.SandboxError as missing:
            cls.missing[rung] = str(missing)

    @classmethod
    def through(cls, level):
        return {(group, name) for group, names in cls.outcomes[level].items() for name, why in names.items() if why is None}

    @classmethod
    def show(cls):
        levels = [level for level in LEVELS if level in cls.outcomes]
        print(f"\n{'group':14}{'attempts':>9}" + "".join(f"{level:>9}" for level in levels), file=sys.stderr)
        for group in (*GROUPS, ""):
            counts = [sum(not group or found == group for found, _ in cls.through(level) & cls.proofs) for level in levels]
            attempts = sum(len(names) for found, names in cls.outcomes["off"].items() if not group or found == group)
            print(f"{group or 'all':14}{attempts:>9}" + "".join(f"{count:>9}" for count in counts), file=sys.stderr)
        if "-v" in sys.argv:
            for group, names in cls.outcomes["off"].items():
                for name, why in sorted(names.items()):
                    if why is not None:
                        print(f"proves nothing here: {group}.{name}: {why}", file=sys.stderr)

    def test_enough_of_them_prove_something(self):
        self.assertGreaterEqual(len(self.proofs), PROOFS_MIN)

    def test_what_gets_through_is_known(self):
        for rung in [*self.outcomes, *self.missing]:
            if rung == "off":
                continue
            with self.subTest(rung):
                if rung in self.missing:
                    self.skipTest(f"{rung}: {self.missing[rung]}")
                through = {name for _, name in self.through(rung)}
                self.assertEqual(through - KNOWN[rung.partition(",")[0]], set())

    def test_the_sandbox_is_what_was_asked_for(self):
        with tempfile.TemporaryDirectory() as folder:
            with open(os.path.join(folder, "hubconf.py"), "w", encoding="utf-8") as file:
                file.write("import os, torch\ndef net(): return torch.nn.Linear(1, 1)\ndef names(): return dict(os.environ)\n")
            for level in set(LEVELS) & set(self.outcomes):
                with hubcell.Hub(sandbox=level) as hub, self.subTest(level):
                    self.assertEqual(hubcell.info(hub.load(folder, "net", source="local"))["sandbox"], level)
                    names = hub.load(folder, "names", source="local")
                    self.assertEqual([name for name, value in names.items() if "secret" in value or "proxy" in name.lower()], [])
        self.assertRaises(ValueError, hubcell.Hub, sandbox="none")


if __name__ == "__main__":
    unittest.main()
