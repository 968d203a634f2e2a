"""A participant of `tools/bench call`: the model through hubcell's package. usage: hubcell_python.py PACKAGE FOLDER ENTRY [empty]

PACKAGE is the folder that holds the package. empty: the input lies in memory of hub.empty.
"""

import sys

import torch

import participant

if __name__ == "__main__":
    sys.path.insert(0, sys.argv[1])
    import hubcell as hub

    model = hub.load(sys.argv[2], sys.argv[3], source="local")
    make = (lambda shape: hub.empty(shape, torch.float32, model)) if "empty" in sys.argv[4:] else torch.empty
    with torch.no_grad():
        participant.answer_rounds(lambda shape: make(shape).fill_(participant.INPUT), model)
