"""What the demo's models are compared on, as an .npz of rows that hubcell compare --inputs takes.

usage: demo_inputs.py silero|digits FILE.npz
"""
import os
import sys
import wave

import numpy

CHUNK_SAMPLES = 512
# Spoken words, of the package alsa-utils.
RECORDINGS = [f"/usr/share/sounds/alsa/{name}.wav" for name in ("Front_Center", "Side_Left", "Rear_Center", "Front_Right")]
DIGITS = os.path.join(os.path.dirname(os.path.abspath(__file__)), "digits", "samples.txt")


def read_recording(path):
    """Its first channel at 16 kHz, of the 48 that it was recorded with."""
    with wave.open(path) as file:
        frames = numpy.frombuffer(file.readframes(file.getnframes()), "<i2").reshape(-1, file.getnchannels())
    return frames[::3, 0].astype("float32") / 32768


def silero():
    """Chunks of 32 ms, one after the other."""
    samples = numpy.concatenate([read_recording(path) for path in RECORDINGS])
    return {"x": samples[:len(samples) // CHUNK_SAMPLES * CHUNK_SAMPLES].reshape(-1, CHUNK_SAMPLES)}


def digits():
    rows = numpy.loadtxt(DIGITS)
    return {"x": rows[:, 1:].astype("float32"), "labels": rows[:, 0].astype("int64")}


if __name__ == "__main__":
    numpy.savez(sys.argv[2], **{"silero": silero, "digits": digits}[sys.argv[1]]())
