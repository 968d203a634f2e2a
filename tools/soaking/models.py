"""The models of the soak: what each of them has to answer is known from its factor."""

import os

HUBCONF = '''
import os, signal, time
import torch

class Part:
    def __init__(self, factor):
        self.factor = factor
    def value(self):
        return self.factor

class Model:
    def __init__(self, factor):
        self.factor = factor
        self.bias = 0.0
        # One that differs with the factor, and one that every other model has too.
        self.weight = torch.full((300, 300), float(factor))
        self.parity = torch.full((50000,), float(factor % 2))
    def __call__(self, x):
        return x * self.factor
    def biased(self, x):
        return x * self.factor + self.bias
    def large(self, count):
        return torch.full((count,), float(self.factor), dtype=torch.float64)
    def weights(self):
        return self.weight, self.parity
    def overwrite(self, value):
        self.weight.fill_(value)
        written = self.weight.clone()
        self.weight.fill_(float(self.factor))
        return written
    def nap(self, seconds):
        time.sleep(seconds)
        return seconds
    def does_not_listen(self, seconds):
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            try:
                time.sleep(1)
            except BaseException:
                pass
    def fail(self, text):
        raise ValueError(text)
    def part(self):
        return Part(self.factor)
    def end(self, how):
        if how == "exit":
            os._exit(3)
        os.kill(os.getpid(), signal.SIGKILL)

def model(factor):
    return Model(factor)
'''


def write(root, count):
    """So many repositories; their folders."""
    folders = [os.path.join(root, f"models{number}") for number in range(count)]
    for folder in folders:
        os.makedirs(folder)
        with open(os.path.join(folder, "hubconf.py"), "w", encoding="utf-8") as file:
            file.write(HUBCONF)
    return folders
