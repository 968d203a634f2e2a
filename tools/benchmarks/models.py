"""The repository that benchmarks load: a model of one layer, and one with as many weights as resnet50 without the code of another
package."""

import os

LARGE_WEIGHTS = 6 * 2048 * 2049 + 2049 * 4
INPUTS = {"small": 4, "large": 2048}  # features of what they take
HUBCONF = """
import torch

class Net(torch.nn.Module):
    def __init__(self, sizes):
        super().__init__()
        self.layers = torch.nn.Sequential(*(torch.nn.Linear(a, b) for a, b in zip(sizes, sizes[1:])))

    def forward(self, x):
        return self.layers(x)

def small():
    torch.manual_seed(0)
    return Net([4, 4])

def large():
    torch.manual_seed(0)
    return Net([2048] * 7 + [4])
"""


def write_repository(folder):
    """Returns the folder."""
    os.makedirs(folder, exist_ok=True)
    with open(os.path.join(folder, "hubconf.py"), "w", encoding="utf-8") as file:
        file.write(HUBCONF)
    return folder
