// A repository of ours that makes, shows and returns values of every kind, in Python's own words.
#pragma once

#include "tests/support/temporary_folder.h"

namespace hubcell::tests {

inline constexpr const char* kKindsHubconf = R"py(
import collections, pathlib, random
import numpy, torch
from PIL import Image

Point = collections.namedtuple("Point", ["x", "y"])

class Tagged(torch.Tensor): pass
class Wrapper(torch.Tensor):
    @classmethod
    def __torch_dispatch__(cls, function, types, args=(), kwargs=None): raise RuntimeError("not here")
class Number(int): pass

def dtypes(): return [name for name in dir(torch) if isinstance(getattr(torch, name), torch.dtype)]
def echo(*arguments): return arguments
def types(*arguments): return [f"{type(a).__module__}.{type(a).__qualname__}" for a in arguments]
def show(*arguments): return [repr(a) for a in arguments]

def self_reference():
    items = [1]
    items.append({"items": items})
    return items
def deep_sharing():
    value = [1]
    for _ in range(60): value = (value, value)
    return value

def complex_vector(): return torch.arange(4, dtype=torch.float32).view(2, 2) @ torch.eye(2) + 1j

def answers():
    base = torch.arange(12.).view(3, 4)
    array = numpy.arange(12, dtype=numpy.int32).reshape(3, 4)
    frozen = numpy.arange(3.)
    frozen.flags.writeable = False
    history = torch.ones(2, requires_grad=True) * 2
    return {
        "named tuple": Point(1, "b"),
        "maximum": base.max(dim=1),
        "conjugate": (torch.arange(3.) + 1j).conj(),
        "negative view": (torch.arange(3.) + 1j).conj().imag,
        "reversed array": array[::-1, ::-2],
        "fortran array": numpy.asfortranarray(array),
        "big-endian array": array.astype(">i4"),
        "read-only array": frozen,
        "array of one field": numpy.array([(1, 2.5), (3, 4.5)], dtype=[("a", "i4"), ("b", "f4")])["b"],
        "scalars": (numpy.float32(0.5), numpy.int8(-3), numpy.bool_(True), numpy.complex64(1j), numpy.uint64(2**64 - 1)),
        "shared memory": (lambda t: (t, t[1], t.t(), t.numpy()))(torch.arange(6.).view(2, 3)),
        "parameter": torch.nn.Parameter(torch.ones(2)),
        "with a history": history,
        "subclass": torch.ones(2).as_subclass(Tagged),
        "number": Number(7),
        "large": 2**100,
        "text of numpy": numpy.str_("text"),
        "path": pathlib.PurePosixPath("/a/b"),
        "size": torch.ones(2, 3).shape,
        "dtype": torch.bfloat16,
        "ordered": collections.OrderedDict(b=1, a=2),
        "image": Image.new("L", (3, 2), 7),
        "windows": torch.arange(5.).unfold(0, 3, 1),
        "odd strides": torch.arange(6.).as_strided((1, 6), (77, 1)),
    }

def handles():
    import warnings
    warnings.simplefilter("ignore")
    return {
        "sparse": torch.eye(3).to_sparse(),
        "csr": torch.eye(3).to_sparse_csr(),
        "quantized": torch.quantize_per_tensor(torch.ones(2), 0.1, 0, torch.quint8),
        "meta": torch.ones(2, device="meta"),
        "nested": torch.nested.nested_tensor([torch.ones(2), torch.ones(3)]) if hasattr(torch, "nested") else torch.nested_tensor([torch.ones(2), torch.ones(3)]),
        "objects": numpy.array([None, "x"], dtype=object),
        "dates": numpy.array(["2020-01-01"], dtype="datetime64[D]"),
        "default dict": collections.defaultdict(int),
    }

def generator(count):
    for i in range(count):
        yield i, [i]

class Config:
    def __init__(self): self.conf, self.items, self.log = 0.5, {"a": [1, 2]}, []
    def __len__(self): return 3
    def __contains__(self, item): return item in (1, "one")
    def __getitem__(self, key): return ("item", key)
    def __setitem__(self, key, value): self.items[key] = value
    def __eq__(self, other): return isinstance(other, Config) or other == "equal"
    def __lt__(self, other): return True
    def __bool__(self): return False
    def __str__(self): return "a config"
    def __repr__(self): return "Config()"
    def __hash__(self): return 5
    def __enter__(self):
        self.log.append("enter")
        return "entered"
    def __exit__(self, kind, error, traceback):
        self.log.append(None if kind is None else f"{kind.__name__}: {error}")
    def method(self, x):
        """Adds one."""
        return x + 1
config = Config

def grad_mode(): return torch.is_grad_enabled()
class Drawer:
    def echo(self, *arguments): return arguments
    def draw(self): return torch.rand(2)
    def still(self): return 1
    def fails(self):
        torch.rand(1)
        raise ValueError("after a draw")
    def square_gradient(self, x):
        (x * x).sum().backward()
        return x.grad
    def grad_mode(self): return torch.is_grad_enabled()
    def autocast(self): return (torch.ones(2, 2) @ torch.ones(2, 2)).dtype
def drawer(): return Drawer()
def draws(): return torch.rand(2), random.random(), numpy.random.rand(), torch.get_default_dtype()
def read(path):
    with open(path) as file: return path, file.read()
)py";

inline void write_kinds_repository(const TemporaryFolder& folder) {
  folder.write("hubconf.py", kKindsHubconf);
}

}  // namespace hubcell::tests
