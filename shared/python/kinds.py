"""The kinds of values that convert.cc leaves to Python: how an object is taken apart, and how it is made again.

Nothing here imports numpy or PIL before it has to: a repository may have a module of that name.
"""

import collections
import functools
import pathlib
import sys

import torch

TORCH_CONSTANTS = (torch.dtype, torch.layout, torch.memory_format, torch.qscheme)
TORCH_RETURN_TYPES = "torch.return_types."
# Dtypes whose numpy name is torch's; numpy's others stay handles.
NUMPY_DTYPES = frozenset(
    "bool uint8 uint16 uint32 uint64 int8 int16 int32 int64 float16 float32 float64 complex64 complex128".split())
IMAGE_MODES = frozenset("1 L P RGB RGBA CMYK YCbCr LAB HSV I F LA PA RGBX RGBa La I;16 I;16L I;16B".split())


def describe(thing):
    """(kind, part, ...) of what travels as a value; None of what stays where it is, as a handle."""
    describe_exactly = BY_TYPE.get(type(thing))
    if describe_exactly is not None:
        return describe_exactly(thing)
    if isinstance(thing, tuple):
        return describe_tuple(thing)
    if isinstance(thing, torch.Tensor):
        return describe_tensor_subclass(thing)
    if isinstance(thing, pathlib.PurePath):
        return "path", str(thing)
    return describe_numpy(thing) or describe_image(thing)


# ---- torch

def describe_tensor(tensor):
    """('tensor', a dense CPU tensor of the same elements, dtype, shape, strides or None where they are row-major,
    address, whether it wants gradients, whether it is a Parameter), or None where the elements are not simply there."""
    if tensor.layout is not torch.strided or tensor.is_quantized or tensor.is_meta or tensor.is_nested:
        return None
    source = tensor.detach() if tensor.requires_grad else tensor
    if source.is_conj():
        source = source.resolve_conj()
    if source.is_neg():
        source = source.resolve_neg()
    if not source.is_cpu:
        source = source.cpu()
    strides = None if source.is_contiguous() else source.stride()
    # What was computed from something else has a history, which stays here: no gradient could flow back.
    wants_gradient = tensor.requires_grad and tensor.is_leaf
    return "tensor", source, source.dtype, source.shape, strides, source.data_ptr(), wants_gradient, False


def describe_parameter(parameter):
    described = describe_tensor(parameter)
    return described and (*described[:-1], True)


def describe_tensor_subclass(tensor):
    """One that has memory of its own travels as what it is below; one that only stands for others does not."""
    if isinstance(tensor, torch.nn.Parameter):
        return describe_parameter(tensor)
    dispatches = getattr(type(tensor), "__torch_dispatch__", None)
    if dispatches is not None and dispatches is not torch.Tensor.__torch_dispatch__:
        return None
    return describe_tensor(tensor.as_subclass(torch.Tensor))


def describe_torch_constant(constant):
    return "constant", str(constant).rpartition(".")[2]


def describe_device(device):
    return "device", device.type, device.index


def make_torch_constant(name):
    constant = getattr(torch, name, None)
    if not isinstance(constant, TORCH_CONSTANTS):
        raise TypeError(f"torch {torch.__version__} has no torch.{name}")
    return constant


def make_device(kind, index):
    return torch.device(kind) if index is None else torch.device(kind, index)


def make_parameter(tensor, wants_gradient):
    return torch.nn.Parameter(tensor, wants_gradient)


def copy_into(target, source):
    """Writes `source` into `target`, in which an element may stand for a whole dimension."""
    for dimension, (size, stride) in enumerate(zip(target.shape, target.stride())):
        if stride == 0 and size > 1:
            target, source = target.narrow(dimension, 0, 1), source.narrow(dimension, 0, 1)
    target.copy_(source)


# ---- tuples with names

def describe_tuple(thing):
    """Of a named tuple, or of one of torch.return_types."""
    kind = type(thing)
    name = f"{kind.__module__}.{kind.__qualname__}"
    if name.startswith(TORCH_RETURN_TYPES):
        return "named_tuple", name, struct_fields(kind), tuple(thing)
    fields = getattr(kind, "_fields", None)
    if isinstance(fields, tuple) and len(fields) == len(thing) and all(type(field) is str for field in fields):
        return "named_tuple", name, fields, tuple(thing)
    return None


@functools.lru_cache(maxsize=None)
def struct_fields(kind):
    """Names of a struct sequence's fields, in order: one whose items are their own indices tells."""
    numbered = kind(range(kind.n_sequence_fields))
    names = [name for name in dir(kind) if type(getattr(kind, name)).__name__ == "member_descriptor"]
    return tuple(sorted(names, key=lambda name: getattr(numbered, name)))


def make_named_tuple(name, fields, items):
    """Of the class of that name where it was imported here, else of a new one."""
    module_name, _, class_name = name.rpartition(".")
    if name.startswith(TORCH_RETURN_TYPES):
        return getattr(torch.return_types, class_name)(items)
    known = getattr(sys.modules.get(module_name), class_name, None)
    if isinstance(known, type) and issubclass(known, tuple) and getattr(known, "_fields", None) == fields:
        return known._make(items)
    return collections.namedtuple(class_name, fields, rename=True, module=module_name)._make(items)


# ---- numpy

def describe_numpy(thing):
    numpy = sys.modules.get("numpy")
    if numpy is None or not hasattr(numpy, "ndarray"):
        return None
    if type(thing) is numpy.ndarray and thing.dtype.name in NUMPY_DTYPES:
        return describe_array(numpy, thing)
    if isinstance(thing, numpy.generic) and thing.dtype.name in NUMPY_DTYPES:
        return "scalar", thing.dtype.name, thing.astype(thing.dtype.newbyteorder("=")).tobytes()
    return None


def describe_array(numpy, array):
    """('array', an array of the same elements, dtype's name, shape, strides in elements or None, address)."""
    size = array.itemsize
    is_plain = array.dtype.isnative and array.flags.aligned and all(s >= 0 and s % size == 0 for s in array.strides)
    if not is_plain:
        array = numpy.array(array, dtype=array.dtype.newbyteorder("="), order="C")
    strides = None if array.flags.c_contiguous else tuple(stride // size for stride in array.strides)
    return "array", array, array.dtype.name, array.shape, strides, array.__array_interface__["data"][0]


class SharedMemory:
    """Lets numpy see memory that `owner` keeps alive: the array's base is this object."""

    def __init__(self, owner, address, dtype, shape, strides):
        self._owner = owner
        self.__array_interface__ = {
            "version": 3, "typestr": dtype.str, "shape": shape, "data": (address, False),
            "strides": strides and tuple(stride * dtype.itemsize for stride in strides)}


def make_array(owner, address, dtype_name, shape, strides):
    """An array that sees the memory at `address` itself; `strides` in elements, or None where they are row-major."""
    import numpy
    if dtype_name not in NUMPY_DTYPES:
        raise TypeError(f"numpy has no dtype {dtype_name}")
    dtype = numpy.dtype(dtype_name)
    if 0 in shape:
        return numpy.empty(shape, dtype)
    return numpy.asarray(SharedMemory(owner, address, dtype, shape, strides))


def make_scalar(dtype_name, data):
    import numpy
    return numpy.frombuffer(data, dtype_name)[0]


def copy_into_array(target, source):
    import numpy
    numpy.copyto(target, source)


# ---- PIL

def describe_image(thing):
    """('image', mode, width, height, bytes, palette's mode, palette's bytes)."""
    module = sys.modules.get("PIL.Image")
    if module is None or not isinstance(thing, module.Image) or thing.mode not in IMAGE_MODES:
        return None
    data = thing.tobytes()  # loads it, palette and all
    palette = thing.palette if thing.mode in ("P", "PA") else None
    palette_mode = palette.mode if palette is not None else ""
    colours = bytes(thing.im.getpalette(palette_mode, palette_mode)) if palette is not None else b""
    return "image", thing.mode, thing.width, thing.height, data, palette_mode, colours


def make_image(mode, width, height, data, palette_mode, colours):
    from PIL import Image
    image = Image.frombytes(mode, (width, height), bytes(memoryview(data.numpy())))
    if palette_mode:
        image.putpalette(colours, palette_mode)
    return image


BY_TYPE = {
    torch.Tensor: describe_tensor,
    torch.nn.Parameter: describe_parameter,
    torch.Size: lambda size: ("size", tuple(size)),
    torch.device: describe_device,
    **{kind: describe_torch_constant for kind in TORCH_CONSTANTS},
    range: lambda value: ("range", value.start, value.stop, value.step),
    slice: lambda value: ("slice", value.start, value.stop, value.step),
    type(Ellipsis): lambda value: ("ellipsis",),
}
