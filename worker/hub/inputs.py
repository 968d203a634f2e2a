"""Call arguments that are made in the worker, by its own torch: 'rand:1x3x224x224', or the content of a file."""

import io
import os

import torch

MAKERS = {"rand": torch.rand, "randn": torch.randn, "zeros": torch.zeros, "ones": torch.ones}


def make_inputs(seed, specs):
    """One input for each of `specs`: a str such as 'rand:1x512', or (file name, uint8 tensor of the content).

    `seed` (int or None) is set before the first is made. Returns a tuple. Raises ValueError on a spec that cannot be.
    """
    if seed is not None:
        torch.manual_seed(seed)
    return tuple(make_tensor(spec) if isinstance(spec, str) else read_file(*spec) for spec in specs)


def make_tensor(spec):
    kind, _, rest = spec.partition(":")
    try:
        sizes = [int(size) for size in rest.split("x")] if rest else []
    except ValueError:
        sizes = [-1]
    if min(sizes, default=0) < 0:
        raise ValueError(f"input '{spec}': '{rest}' is no shape; write sizes like 1x3x224x224")
    if kind == "arange" and len(sizes) == 1:
        return torch.arange(sizes[0])
    if kind in MAKERS:
        return MAKERS[kind](sizes)
    raise ValueError(f"input '{spec}': choose rand:, randn:, zeros:, ones: (with a shape like 1x512) or arange:N")


def read_file(name, content):
    data = io.BytesIO(content.numpy().tobytes())
    extension = os.path.splitext(name)[1].lower()
    readers = {".npy": read_npy, ".npz": read_npz, ".pt": torch.load, ".png": read_image, ".jpg": read_image,
               ".jpeg": read_image, ".wav": read_wav}
    if extension not in readers:
        raise ValueError(f"input '{name}': files are .npy, .npz, .pt, .png, .jpg or .wav")
    try:
        return readers[extension](data)
    except Exception as error:  # whatever a reader makes of a broken file
        raise ValueError(f"input '{name}': {type(error).__name__}: {error}") from error


def read_npy(data):
    import numpy
    return torch.from_numpy(numpy.load(data, allow_pickle=False))


def read_npz(data):
    """The array of a file with one, else a dict of them."""
    import numpy
    with numpy.load(data, allow_pickle=False) as arrays:
        tensors = {name: torch.from_numpy(arrays[name]) for name in arrays.files}
    return next(iter(tensors.values())) if len(tensors) == 1 else tensors


def read_image(data):
    """RGB as float32 of shape (1, 3, height, width), 0 to 1."""
    import numpy
    from PIL import Image
    image = Image.open(data)
    if image.mode.startswith(("I", "F")):
        raise ValueError(f"its pixels have more than 8 bits (mode {image.mode}); pass them as .npy")
    pixels = numpy.array(image.convert("RGB"))
    return torch.from_numpy(pixels).permute(2, 0, 1).unsqueeze(0).float() / 255


def read_wav(data):
    """PCM of 8, 16 or 32 bits as float32 of shape (samples,), -1 to 1, its channels averaged; as fast as it was sampled."""
    import wave
    with wave.open(data) as file:
        width, channels = file.getsampwidth(), file.getnchannels()
        frames = file.readframes(file.getnframes())
    formats = {1: (torch.uint8, 128, 128), 2: (torch.int16, 0, 2**15), 4: (torch.int32, 0, 2**31)}
    if width not in formats:
        raise ValueError(f"wav of {8 * width} bits: 8, 16 and 32 can be read")
    dtype, zero, scale = formats[width]
    samples = torch.frombuffer(bytearray(frames), dtype=dtype).float()
    return ((samples - zero) / scale).reshape(-1, channels).mean(dim=1)
