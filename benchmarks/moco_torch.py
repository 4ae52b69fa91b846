"""The step of MoCo written plainly in PyTorch, which benchmarks/moco.py measures beside ours.

    python benchmarks/moco_torch.py --part=step --images=FOLDER

Needs torch and torchvision and nothing of sslkeras or TensorFlow. The views are made as
usual: torchvision's transforms, image by image, in as many loader processes as there are
cores. Prints images a second as JSON.
"""

import argparse
import copy
import json
import os
import time

import torch
import torchvision
from torchvision import transforms


class TwoViews:
    """Two random views of an image."""

    def __init__(self, size):
        self.transform = transforms.Compose(
            [
                transforms.RandomResizedCrop(size, scale=(0.2, 1.0)),
                transforms.RandomApply([transforms.ColorJitter(0.4, 0.4, 0.4, 0.1)], p=0.8),
                transforms.RandomGrayscale(p=0.2),
                transforms.RandomHorizontalFlip(),
                transforms.ToTensor(),
                transforms.Normalize((0.485, 0.456, 0.406), (0.229, 0.224, 0.225)),
            ]
        )

    def __call__(self, image):
        return self.transform(image), self.transform(image)


class MoCo(torch.nn.Module):
    """ResNet-18 with the head of v2, a momentum copy and a queue."""

    def __init__(self, small_stem, queue_size, dim=128, momentum=0.99, temperature=0.2):
        super().__init__()
        self.momentum, self.temperature = momentum, temperature
        self.query = torchvision.models.resnet18(num_classes=dim)
        if small_stem:
            self.query.conv1 = torch.nn.Conv2d(3, 64, 3, 1, 1, bias=False)
            self.query.maxpool = torch.nn.Identity()
        width = self.query.fc.in_features
        self.query.fc = torch.nn.Sequential(
            torch.nn.Linear(width, width), torch.nn.ReLU(), torch.nn.Linear(width, dim)
        )
        self.key = copy.deepcopy(self.query)
        for parameter in self.key.parameters():
            parameter.requires_grad = False
        self.queue = torch.nn.functional.normalize(torch.randn(queue_size, dim), dim=1)
        self.pointer = 0

    def step(self, optimizer, query_images, key_images):
        queries = torch.nn.functional.normalize(self.query(query_images), dim=1)
        with torch.no_grad():
            for query, key in zip(self.query.parameters(), self.key.parameters()):
                key.mul_(self.momentum).add_(query, alpha=1 - self.momentum)
            keys = torch.nn.functional.normalize(self.key(key_images), dim=1)
        positive = (queries * keys).sum(dim=1, keepdim=True)
        logits = torch.cat([positive, queries @ self.queue.T], dim=1) / self.temperature
        targets = torch.zeros(len(logits), dtype=torch.long)
        loss = torch.nn.functional.cross_entropy(logits, targets)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        self.queue[self.pointer : self.pointer + len(keys)] = keys
        self.pointer = (self.pointer + len(keys)) % len(self.queue)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--part", choices=["views", "model", "step"], required=True)
    parser.add_argument("--images", required=True)
    parser.add_argument("--size", type=int, default=32)
    parser.add_argument("--batch_size", type=int, default=128)
    parser.add_argument("--queue_size", type=int, default=4096)
    parser.add_argument("--small_stem", type=int, default=1)
    parser.add_argument("--seconds", type=float, default=10.0)
    arguments = parser.parse_args()
    torch.set_num_threads(os.cpu_count())
    if arguments.part == "model":
        shape = (arguments.batch_size, 3, arguments.size, arguments.size)
        pair = torch.randn(shape), torch.randn(shape)
        batches = iter(lambda: pair, None)
    else:
        folder = torchvision.datasets.ImageFolder(arguments.images, TwoViews(arguments.size))
        loader = torch.utils.data.DataLoader(
            folder,
            arguments.batch_size,
            sampler=torch.utils.data.RandomSampler(folder, replacement=True, num_samples=10**7),
            num_workers=os.cpu_count(),
            drop_last=True,
        )
        batches = (views for views, _ in loader)
    model = MoCo(arguments.small_stem, arguments.queue_size).train()
    optimizer = torch.optim.SGD(model.query.parameters(), 0.03, momentum=0.9, weight_decay=1e-4)

    def one():
        views = next(batches)
        if arguments.part != "views":
            model.step(optimizer, *views)

    for _ in range(2):
        one()
    began, done = time.perf_counter(), 0
    while (took := time.perf_counter() - began) < arguments.seconds:
        one()
        done += arguments.batch_size
    print(json.dumps({"images_a_second": done / took}))


if __name__ == "__main__":
    main()
