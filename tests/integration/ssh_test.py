"""Repositories on other machines: git over ssh, with the keys of an agent and the hosts of known_hosts.

Run: HUBCELL_PROGRAM=build/dev/bin/hubcell PYTHONPATH=tests/support python3 ssh_test.py
"""

import contextlib
import os
import subprocess
import tempfile
import unittest

import git_server
import ssh_server
from git_commands import git
from remote_case import DEADLINE_S, ENVIRONMENT, PROGRAM, Remote

ASKS = """
def sees():
    import os
    return [name for name in os.environ if name.startswith("SSH_")]
def nested(name):
    import torch
    return torch.hub.load(name, "first", trust_repo=True)
"""


class Ssh(Remote):
    """A server with two keys, of which the better one is known; an agent with the key that it takes."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        work = os.path.join(cls.folder, "work")
        git(work, "checkout", "--quiet", "-b", "asks")
        with open(os.path.join(work, "hubconf.py"), "w", encoding="utf-8") as file:
            file.write(ASKS)
        git(work, "commit", "--quiet", "--all", "--message=asks")
        git(work, "push", "--quiet", os.path.join(cls.root, "owner", "net.git"), "asks")
        cls.host_keys = [ssh_server.make_key(os.path.join(cls.folder, f"host_{kind}"), kind) for kind in ("ed25519", "ecdsa")]
        cls.key, cls.other_key = (ssh_server.make_key(os.path.join(cls.folder, name)) for name in ("key", "other"))
        agents = contextlib.ExitStack()
        cls.addClassCleanup(agents.close)
        cls.agent, cls.other_agent, cls.empty_agent = (
            agents.enter_context(ssh_server.agent(os.path.join(cls.folder, f"agent{number}"), *keys))
            for number, keys in enumerate(([cls.other_key, cls.key], [cls.other_key], [])))

    def setUp(self):
        super().setUp()
        self.home = tempfile.mkdtemp(dir=self.folder)
        os.mkdir(os.path.join(self.home, ".ssh"))
        self.environment = {"HOME": self.home, "SSH_AUTH_SOCK": self.agent}
        self.server = self.serve(ssh_server.SshServer(self.root, self.host_keys, [self.key + ".pub"]))
        self.url = self.server.url("/owner/net.git")
        self.name = f"[127.0.0.1]:{self.server.port}"
        self.know(f"{self.name} {self.public(self.host_keys[0])}")

    def hubcell(self, command, *words, **environment):
        return super().hubcell(command, *words, **{**self.environment, **environment})

    def know(self, *lines):
        with open(os.path.join(self.home, ".ssh", "known_hosts"), "w", encoding="utf-8") as file:
            file.writelines(line + "\n" for line in lines)

    @staticmethod
    def public(key):
        with open(key + ".pub", encoding="utf-8") as file:
            return " ".join(file.read().split()[:2])

    def assert_reached(self, url=None, **environment):
        self.assertIn("no branch or tag 'nothing'", self.refusal(f"{url or self.url}@nothing", **environment))

    def test_branches_tags_and_commits_are_fetched_and_cached(self):
        self.assertEqual(self.entries(self.url), ["third"])
        self.assertEqual(self.entries(f"{self.url}@v1"), ["second"])
        self.assertEqual(self.entries(f"{self.url}@{self.commits[0]}"), ["first"], "a commit inside the history")
        self.assertIn("no branch or tag of", self.hubcell("list", f"{self.url}@{'1' * 40}").stderr)
        self.assertEqual(set(self.server.commands), {("git", "git-upload-pack '/owner/net.git'")})
        asked = len(self.server.commands)
        self.assertEqual(self.entries(f"{self.url}@main"), ["third"])
        self.assertEqual(len(self.server.commands), asked, "a ref that is in the cache needs no network")
        self.assertNotIn("public", self.found(""), "no worker gets it from the cache")

    def test_names_of_users_and_paths(self):
        self.assert_reached(self.server.url("/owner/net.git", user="someone@"))
        self.assert_reached(self.server.url("/owner/net.git", user=""))
        self.assert_reached(self.server.url("/owner/%6eet.git"))
        self.assertIn("says: ", self.refusal(self.server.url("/~someone/it's!.git")))
        self.assertEqual([*dict.fromkeys(self.server.commands)],
                         [("someone", "git-upload-pack '/owner/net.git'"), ("git", "git-upload-pack '/owner/net.git'"),
                          ("git", r"git-upload-pack '~someone/it'\''s'\!'.git'")])

    def test_the_form_of_scp(self):
        try:
            server = self.serve(ssh_server.SshServer(self.root, self.host_keys, [self.key + ".pub"], ("127.77.0.1", 22)))
        except OSError as error:
            self.skipTest(f"port 22 is not to be had: {error}")
        self.know(f"127.77.0.1 {self.public(self.host_keys[0])}")
        self.assertEqual(self.entries("me@127.77.0.1:owner/net.git@old"), ["second"])
        self.assertEqual(set(server.commands), {("me", "git-upload-pack 'owner/net.git'")})

    def test_it_stands_for_github_and_github_token_stays_here(self):
        self.assertEqual(self.entries("owner/net:old", HUBCELL_GITHUB_URL=self.server.url(), GITHUB_TOKEN="secret"), ["second"])

    def test_known_hosts(self):
        key, other = (self.public(path) for path in self.host_keys)
        for name, lines in (("among others", [f"other.example,{self.name},10.0.0.1 {key} comment", f"other.example {other}"]),
                            ("other type", [f"{self.name} {other}"]),
                            ("without a port", [f"127.0.0.1 {key}"]),
                            ("after what cannot be read", ["", "# comment", "nonsense", "@unknown x y", f"{self.name} ssh-new AAAA", f"{self.name} {key}"]),
                            ("lines of Windows", [f"{self.name} {key}\r"])):
            with self.subTest(name):
                self.know(*lines)
                self.assert_reached()

    def test_hashed_known_hosts(self):
        path = os.path.join(self.home, ".ssh", "known_hosts")
        subprocess.run(("ssh-keygen", "-q", "-H", "-f", path), check=True, capture_output=True, timeout=DEADLINE_S)
        with open(path, encoding="utf-8") as file:
            hashed = file.read()
        self.assertTrue(hashed.startswith("|1|"), hashed)
        self.assert_reached()
        self.know(hashed.replace(self.public(self.host_keys[0]), self.public(self.key)))
        self.assertIn("this may be an attack", self.refusal(self.url))

    def test_hosts_that_are_not_to_be_trusted(self):
        key, other, changed = (self.public(path) for path in (*self.host_keys, self.other_key))
        unknown, attack, revoked = "is not known", "this may be an attack", "as @revoked"
        for name, words, lines in (("nothing is known", unknown, []),
                                   ("another port", unknown, [f"[127.0.0.1]:1 {key}"]),
                                   ("another host", unknown, [f"[localhost]:{self.server.port} {key}", f"*.example {key}"]),
                                   ("an authority", unknown, [f"@cert-authority {self.name} {key}", f" @cert-authority * {key}"]),
                                   ("changed", attack, [f"{self.name} {changed}"]),
                                   ("changed, of this port", attack, [f"{self.name} {changed}", f"127.0.0.1 {key}"]),
                                   ("known by what it does not show", "has keys of other types alone", [f"{self.name} ssh-rsa {'A' * 40}"]),
                                   ("revoked", revoked, [f"@revoked {self.name} {key}"]),
                                   ("revoked for all", revoked, [f"{self.name} {key}", f"@revoked * {key} comment"]),
                                   ("revoked before", revoked, [f"\t@revoked\t{self.name}\t{key}", f"{self.name} {key}"]),
                                   ("revoked after nonsense", revoked, [f"{self.name} {key}", "nonsense", f"@revoked * {key}"])):
            with self.subTest(name):
                self.know(*lines)
                refused = self.refusal(self.url)
                self.assertRegex(refused, f"^hubcell: load {self.url}: list the refs of {self.url}: the host .*{words}")
                self.assertIn("SHA256:", refused)
                if words == unknown:
                    self.assertIn(f"connect to it once yourself: ssh -p {self.server.port} git@127.0.0.1", refused)
        self.know(f"@revoked * {other}", f"{self.name} {key}")
        self.assert_reached()
        os.remove(os.path.join(self.home, ".ssh", "known_hosts"))
        self.assertIn(unknown, self.refusal(self.url))
        self.assertEqual({command for command in self.server.commands}, {("git", "git-upload-pack '/owner/net.git'")})

    def test_agents(self):
        for name, agent, words in (("none", "", r"there is no ssh agent \(SSH_AUTH_SOCK is not set\); start one"),
                                   ("gone", self.agent + "-gone", "the ssh agent at .*-gone .* does not answer: .*; start one"),
                                   ("no key", self.empty_agent, "the ssh agent has no key; give it yours with ssh-add"),
                                   ("wrong key", self.other_agent, r"takes no key of the ssh agent \(it has 1\) for 'git'; ssh-add -l")):
            with self.subTest(name):
                self.assertRegex(self.refusal(self.url, SSH_AUTH_SOCK=agent), f"^hubcell: load {self.url}: .*{words}")
        self.assertEqual(self.server.commands, [])

    def test_no_such_repository(self):
        self.assertRegex(self.refusal(self.server.url("/owner/other.git")), "127.0.0.1 says: fatal: .*not appear to be a git repository")

    def test_a_server_that_hangs_up_is_one_line_and_the_next_try_works(self):
        for limit in (0, 100, 60_000):
            with self.subTest(limit):
                self.server.limit = limit
                self.assertRegex(self.refusal(f"{self.url}@old"), f"^hubcell: load {self.url}@old: .*(broke off|EOF|ended|disconnect)")
        self.server.limit = None
        self.assertEqual(self.entries(f"{self.url}@old"), ["second"])

    def test_an_interrupt_ends_the_wait_for_a_server_that_says_nothing(self):
        self.server.is_silent = True
        waiting = subprocess.Popen((PROGRAM, "list", self.url), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                                   env={**ENVIRONMENT, "TORCH_HOME": self.cache, **self.environment})
        self.assertTrue(self.server.connected.wait(DEADLINE_S))
        waiting.send_signal(2)
        waiting.communicate(timeout=10)
        self.assertEqual(waiting.returncode, 130)

    def test_nobody_there_is_one_line_and_what_torch_hub_left_is_used(self):
        with git_server.running(ssh_server.SshServer(self.root, self.host_keys, [])) as gone:
            github = gone.url()
        self.assertRegex(self.refusal(f"{github}/x.git"), "connect to 127.0.0.1 port .*: Connection refused; is the network up")
        self.assertRegex(self.refusal("git@no-such-host.invalid:x.git"), "resolve host no-such-host.invalid: .*; is the network up")
        left = os.path.join(self.cache, "hub", "owner_net_main")
        git(self.folder, "clone", "--quiet", os.path.join(self.root, "owner", "net.git"), left)
        self.assertIn("is not in hubcell's cache", self.hubcell("list", "owner/net", HUBCELL_GITHUB_URL=github).stderr)
        self.know()
        self.assertIn("is not known", self.refusal("owner/net", HUBCELL_GITHUB_URL=self.server.url()), "somebody is there")

    def test_workers_get_neither_the_agent_nor_anything_over_ssh(self):
        self.assertEqual(self.hubcell("run", f"{self.url}@asks", "sees").stdout.strip(), "[]")
        asked = len(self.server.commands)
        for name in (self.url, "owner/net"):
            with self.subTest(name):
                refused = self.hubcell("run", f"{self.url}@asks", "nested", "-a", name, HUBCELL_GITHUB_URL=self.server.url())
                self.assertEqual(refused.returncode, 1)
                self.assertIn("inside a hubconf this must be owner/name or an https:// URL; ssh", refused.stderr)
        self.assertEqual(len(self.server.commands), asked)


if __name__ == "__main__":
    unittest.main()
