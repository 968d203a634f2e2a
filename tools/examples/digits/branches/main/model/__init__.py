import os

import torch
from torch import nn


class Perceptron(nn.Module):
    def __init__(self):
        super().__init__()
        self.hidden = nn.Linear(64, 16)
        self.output = nn.Linear(16, 10)

    def forward(self, pixels):
        return self.output(torch.relu(self.hidden(pixels / 16)))


def build(pretrained):
    net = Perceptron()
    if pretrained:
        net.load_state_dict(torch.load(os.path.join(os.path.dirname(__file__), "weights.pt"), map_location="cpu"))
    return net.eval()
