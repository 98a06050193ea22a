"""A training step of makeMoE's language model for each line of standard input; answers the loss as a line of JSON."""
import json
import math
import os
import struct
import sys

import torch
import torch.nn.functional as F

TYPES = {"F32": torch.float32, "I32": torch.int32}


def read(path):
    with open(path, "rb") as file:
        (length,) = struct.unpack("<Q", file.read(8))
        header = json.loads(file.read(length))
        data = bytearray(file.read())
    tensors = {}
    for name, about in header.items():
        begin, end = about["data_offsets"]
        part = torch.frombuffer(data[begin:end], dtype=TYPES[about["dtype"]])
        tensors[name.removeprefix("net.")] = part.clone().reshape(about["shape"])
    return tensors


class Model:
    def __init__(self, weights, config):
        self.config = config
        self.p = {name: weights[name] for name in weights if ".heads." not in name}
        for i in range(config["depth"]):
            heads = [f"blocks.{i}.sa.heads.{h}" for h in range(config["heads"])]
            rows = [weights[f"{head}.{kind}.weight"] for kind in ("query", "key", "value") for head in heads]
            self.p[f"blocks.{i}.sa.qkv.weight"] = torch.cat(rows)
        for value in self.p.values():
            value.requires_grad_()

    def linear(self, x, name):
        return F.linear(x, self.p[f"{name}.weight"], self.p.get(f"{name}.bias"))

    def norm(self, x, name):
        return F.layer_norm(x, x.shape[-1:], self.p[f"{name}.weight"], self.p[f"{name}.bias"])

    def attention(self, x, name):
        b, t, c = x.shape
        q, k, v = self.linear(x, f"{name}.qkv").reshape(b, t, 3, self.config["heads"], -1).permute(2, 0, 3, 1, 4)
        scores = q @ k.transpose(-2, -1) * c**-0.5
        hidden = torch.ones(t, t, dtype=torch.bool).triu(1)
        mixed = scores.masked_fill(hidden, -math.inf).softmax(-1) @ v
        return self.linear(mixed.transpose(1, 2).reshape(b, t, c), f"{name}.proj")

    def experts(self, x, noise, name):
        logits = self.linear(x, f"{name}.router.topkroute_linear")
        logits = logits + noise * F.softplus(self.linear(x, f"{name}.router.noise_linear"))
        best, index = logits.topk(2, dim=-1)
        gates = best.softmax(-1)
        out = torch.zeros_like(x)
        for e in range(self.config["experts"]):
            token, choice = (index == e).nonzero(as_tuple=True)
            if len(token) == 0:
                continue
            at = f"{name}.experts.{e}.net"
            y = self.linear(F.relu(self.linear(x[token], f"{at}.0")), f"{at}.2")
            out = out.index_add(0, token, y * gates[token, choice, None])
        return out

    def loss(self, idx, targets, noise):
        x = self.p["token_embedding_table.weight"][idx.long()] + self.p["position_embedding_table.weight"][: idx.shape[1]]
        for i in range(self.config["depth"]):
            x = x + self.attention(self.norm(x, f"blocks.{i}.ln1"), f"blocks.{i}.sa")
            rows = self.norm(x, f"blocks.{i}.ln2").reshape(-1, x.shape[-1])
            x = x + self.experts(rows, noise[i].reshape(-1, noise.shape[-1]), f"blocks.{i}.smoe").reshape(x.shape)
        logits = self.linear(self.norm(x, "ln_f"), "lm_head")
        return F.cross_entropy(logits.flatten(0, 1), targets.long().flatten())


def main():
    config = json.loads(os.environ["HEDDLE_BENCH"])
    torch.set_num_threads(config["threads"])
    model = Model(read(sys.argv[1]), config)
    inputs = read(sys.argv[2])
    optimizer = torch.optim.AdamW(model.p.values(), lr=config["rate"], weight_decay=config["decay"])
    print(json.dumps({"torch": torch.__version__}), flush=True)
    for _ in sys.stdin:
        optimizer.zero_grad(set_to_none=True)
        loss = model.loss(inputs["idx"], inputs["targets"], inputs["noise"])
        loss.backward()
        optimizer.step()
        print(json.dumps({"loss": loss.item()}), flush=True)


main()
