"""What plain torch.hub answers, for comparison: loads folders in the order given, in this one process.

usage: torch_hub_alone.py silero SAMPLES.f32 FOLDER...     speech at 16 kHz, raw float32
       torch_hub_alone.py digits PIXELS.f32 FOLDER...      pictures of 8x8 pixels, raw float32

Prints one line of JSON, a list with one answer a folder: "numbers" are the bits of the float32 results in hex,
"segments" pairs of samples, "code" the file that the folder's code really came from.
"""
import array
import inspect
import json
import struct
import sys

import torch

CHUNK_SAMPLES = 512
SAMPLE_RATE = 16000
PIXELS = 64
SEGMENT_SECONDS_MAX = 1.0


def read_floats(path):
    floats = array.array("f")
    with open(path, "rb") as file:
        floats.frombytes(file.read())
    return torch.tensor(floats)


def bits_of(tensor):
    return [struct.pack(">f", number).hex() for number in tensor.flatten().tolist()]


def hear(folder, samples):
    model, functions = torch.hub.load(folder, "silero_vad", source="local")
    get_speech_timestamps = functions[0]
    model.reset_states()
    probabilities = torch.cat([model(chunk, SAMPLE_RATE) for chunk in samples.split(CHUNK_SAMPLES)])
    found = get_speech_timestamps(samples, model, sampling_rate=SAMPLE_RATE, max_speech_duration_s=SEGMENT_SECONDS_MAX)
    return {
        "numbers": bits_of(probabilities),
        "segments": [[segment["start"], segment["end"]] for segment in found],
        "code": inspect.getsourcefile(inspect.unwrap(get_speech_timestamps)),
    }


def tell_digits(folder, pixels):
    model = torch.hub.load(folder, "digits", source="local")
    logits = torch.cat([model(picture.reshape(1, PIXELS)) for picture in pixels.split(PIXELS)])
    return {"numbers": bits_of(logits), "segments": [], "code": inspect.getsourcefile(type(model))}


def main(kind, data, *folders):
    answer = {"silero": hear, "digits": tell_digits}[kind]
    inputs = read_floats(data)
    with torch.no_grad():
        print(json.dumps([answer(folder, inputs) for folder in folders]))


if __name__ == "__main__":
    main(*sys.argv[1:])
