"""Trains both branches on scikit-learn's digits, and writes their weights and the samples of the demo.

Done once; what it wrote is in this folder. usage, with scikit-learn and torch: python train.py
"""
import importlib.util
import os

import torch
from sklearn.datasets import load_digits

HERE = os.path.dirname(os.path.abspath(__file__))
EPOCHS = {"main": 60, "cnn": 40}
SAMPLES = 12


def load_branch(name):
    path = os.path.join(HERE, "branches", name, "model", "__init__.py")
    spec = importlib.util.spec_from_file_location("model_" + name, path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def split_digits():
    digits = load_digits()
    pixels = torch.tensor(digits.data, dtype=torch.float32)
    labels = torch.tensor(digits.target)
    order = torch.randperm(len(labels), generator=torch.Generator().manual_seed(0))
    train, test = order[:-400], order[-400:]
    return pixels[train], labels[train], pixels[test], labels[test]


def train(net, pixels, labels, epochs):
    optimizer = torch.optim.Adam(net.parameters(), lr=3e-3, weight_decay=1e-4)
    net.train()
    for _ in range(epochs):
        for batch in torch.randperm(len(labels)).split(64):
            optimizer.zero_grad()
            torch.nn.functional.cross_entropy(net(pixels[batch]), labels[batch]).backward()
            optimizer.step()
    return net.eval()


def choose_samples(nets, pixels, labels):
    """Of unseen digits: first those on which the branches differ, then the least certain ones, one of each kind."""
    answers = [net(pixels).softmax(1) for net in nets]
    differs = (answers[0].argmax(1) != answers[1].argmax(1)).float()
    rank = (differs - answers[0].max(1).values).argsort(descending=True).tolist()
    chosen, counts = [], {}
    for index in rank:
        digit = int(labels[index])
        if counts.get(digit, 0) < 2 and len(chosen) < SAMPLES:
            counts[digit] = counts.get(digit, 0) + 1
            chosen.append(index)
    return chosen


def main():
    train_pixels, train_labels, test_pixels, test_labels = split_digits()
    nets = []
    for name, epochs in EPOCHS.items():
        torch.manual_seed(0)
        net = train(load_branch(name).build(pretrained=False), train_pixels, train_labels, epochs)
        right = (net(test_pixels).argmax(1) == test_labels).float().mean().item()
        print(f"{name}: {100 * right:.1f} % of 400 unseen digits")
        torch.save(net.state_dict(), os.path.join(HERE, "branches", name, "model", "weights.pt"))
        nets.append(net)
    with torch.no_grad():
        chosen = choose_samples(nets, test_pixels, test_labels)
    with open(os.path.join(HERE, "samples.txt"), "w") as file:
        for index in chosen:
            numbers = [int(test_labels[index]), *test_pixels[index].int().tolist()]
            file.write(" ".join(map(str, numbers)) + "\n")


if __name__ == "__main__":
    main()
