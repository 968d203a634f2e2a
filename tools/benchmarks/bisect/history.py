"""The history that is searched: 60 commits, with a merge after every ten and five that do not load. Three of them change what the model
answers: its code, its file of weights, and the default of an argument."""

import os
import subprocess

COMMITS = 60
BROKEN = (8, 19, 31, 44, 55)
CHANGES = {"code": 23, "weights": 38, "default": 47}
FEATURES = 256
HUBCONF = """
import os
{imports}
import torch

class Net(torch.nn.Module):
    def __init__(self, factor):
        super().__init__()
        self.layer = torch.nn.Linear({features}, {features})
        self.factor = factor

    def forward(self, x):
        return torch.relu(self.layer(x)){code} * self.factor

def net(factor={default}):
    net = Net(factor)
    net.load_state_dict(torch.load(os.path.join(os.path.dirname(__file__), "weights.pt")))
    return net
"""
_ENVIRONMENT = {"GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1",
                **{f"GIT_{role}_{part}": value for role in ("AUTHOR", "COMMITTER") for part, value in
                   (("NAME", "Bench"), ("EMAIL", "bench@example.org"))}}


def git(folder, *words):
    return subprocess.run(("git", *words), cwd=folder, env={**os.environ, **_ENVIRONMENT}, check=True, stdout=subprocess.PIPE,
                          text=True).stdout.strip()


def _write(torch, folder, number, change):
    """What `change` names is changed from its commit on; the rest stays as it was."""
    def since(kind):
        return kind == change and number >= CHANGES[kind]

    with open(os.path.join(folder, "hubconf.py"), "w", encoding="utf-8") as file:
        file.write(HUBCONF.format(imports="import missing_module" if number in BROKEN else "", features=FEATURES,
                                  code=" + 1" if since("code") else "", default=1.5 if since("default") else 1.0))
    with open(os.path.join(folder, "README"), "w", encoding="utf-8") as file:
        file.write(f"{number}\n")
    if number == 0 or (since("weights") and number == CHANGES["weights"]):
        torch.manual_seed(number)
        layer = torch.nn.Linear(FEATURES, FEATURES)
        torch.save({f"layer.{name}": value for name, value in layer.state_dict().items()}, os.path.join(folder, "weights.pt"))


def make(torch, folder, change):
    """A repository with the tags good and bad; the commit between them that `change` names."""
    os.makedirs(folder)
    git(folder, "init", "--quiet", "--initial-branch=main")
    ids = []
    for number in range(COMMITS + 1):
        _write(torch, folder, number, change)
        git(folder, "add", "--all")
        # Of ten commits the last has two parents, as a merge does.
        beside = ["-p", ids[-3]] if number % 10 == 9 else []
        tree, before = git(folder, "write-tree"), ["-p", ids[-1]] if ids else []
        ids.append(git(folder, "commit-tree", tree, *before, *beside, "-m", f"commit {number}"))
    git(folder, "update-ref", "refs/heads/main", ids[-1])
    git(folder, "tag", "good", ids[0])
    git(folder, "tag", "bad", ids[-1])
    git(folder, "reset", "--quiet", "--hard")
    return ids[CHANGES[change]]
