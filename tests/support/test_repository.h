// A repository of ours with entrypoints and methods for every test: what is returned, raised, kept, and how
// to die.
//
// Its package is called `models`, like everybody's.
#pragma once

#include <string>

#include "tests/support/temporary_folder.h"

namespace hubcell::tests {

inline constexpr const char* kHubconf = R"(
"""A hub for tests."""
dependencies = ["torch"]
import ctypes, os, signal, time
import torch
from models import Net, NAME, ALIVE

def net(scale=1.0, *, bias=0.0):
    """A net. Its answer is x * scale + bias."""
    return Net(scale, bias)

def pair():
    net = Net(2.0, 0.0)
    def apply(model, x): return model(x)
    return net, (apply, Net)

def nothing(): return None
def plain(): return {"a": [1, 2.5, "text", b"bytes", None, True, (1, (2,))], 3: "three"}
def fails(): raise KeyError("no such weights")
def random_net(): return torch.rand(3)
def whoami(): return NAME
def count_alive(): return len(ALIVE)
def _hidden(): pass
not_callable = 3
)";

inline constexpr const char* kModels = R"(
import os, signal, ctypes, sys, time, weakref
import torch
NAME = "@NAME@"
ALIVE = weakref.WeakSet()

class Net(torch.nn.Module):
    def __init__(self, scale, bias):
        super().__init__()
        ALIVE.add(self)
        self.scale, self.bias, self.kept = scale, bias, None
        self.label = "a " + NAME
    def forward(self, x): return x * self.scale + self.bias
    def echo(self, *args, **kwargs): return args + tuple(sorted(kwargs.items()))
    def keep(self, x): self.kept = x
    def get_kept(self): return self.kept
    def strided(self, x): return x.t()
    def grad_mode(self): return torch.is_grad_enabled()
    def fails(self): raise ValueError("bad input: " + NAME)
    def exits_python(self): sys.exit(3)
    def segfault(self): ctypes.string_at(0)
    def exit(self, code): os._exit(code)
    def kill(self): os.kill(os.getpid(), signal.SIGKILL)
    def spin(self):
        while True: pass
    def stall(self): sum(range(10 ** 13))
    def nap_deaf(self, mark):
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        open(mark, "w").close()
        time.sleep(1000)
    def nap(self, seconds):
        time.sleep(seconds)
        return NAME
    def handles(self, count): return [object() for _ in range(count)]
    def clutter(self):
        for name, mode in (("closed", 0o300), ("shut", 0o000)):
            os.mkdir(name, mode)
        open("closed/file", "w").close()
        for _ in range(1500):
            os.mkdir("nested")
            os.chdir("nested")
    def lazy(self):
        from models import late
        return late.VALUE
)";

// Writes it to `folder`; `name` is what its code says about itself.
inline void write_test_repository(const TemporaryFolder& folder, const std::string& name) {
  std::string models = kModels;
  models.replace(models.find("@NAME@"), 6, name);
  folder.write("hubconf.py", kHubconf);
  folder.write("models/__init__.py", models);
  folder.write("models/late.py", "VALUE = '" + name + "'\n");
}

}  // namespace hubcell::tests
