"""Handwritten digits, told apart by a small convolutional network."""
dependencies = ["torch"]
from model import build


def digits(pretrained=True):
    """A classifier of pictures of 8x8 pixels. Takes float32 [N, 64] of 0 to 16, answers logits [N, 10]."""
    return build(pretrained)
