"""A decoder's weights laid out for speaking, where reading them once per code is what takes the time.

On a CPU, one row times a matrix runs at half the memory's speed in MKL's ordinary product; cut into blocks of
columns that are multiplied as a batch, it runs near the limit, with the same result up to the last bits of
fp32. Half and byte weights read less: `bench/t2s.py` measures how much faster and how far from fp32.
"""

from typing import Literal, get_args

import torch
from torch import Tensor, nn
from torch.nn import functional

from configs.errors import UserError
from models.layers.precision import computes_in_bf16
from models.t2s.kv_cache import KeyValueCache
from models.t2s.model import CachedSelfAttention, DecoderLayer, TextToSemantic, attend

Weights = Literal["fp32", "fp16", "int8"]
"""fp32: exact. fp16: what published files hold anyway. int8: one scale per output channel."""

N_BLOCKS = 32
FEW_ROWS = 8
"""Up to so many rows are decoded with the narrow weights; more (the prompt) are worth widening them once."""


class BlockProjection(nn.Module):
    """[..., K] -> [..., N] as `nn.Linear`, in fp32; N is a multiple of `N_BLOCKS`."""

    blocks: Tensor
    bias: Tensor

    def __init__(self, weight: Tensor, bias: Tensor) -> None:
        super().__init__()
        blocks = weight.unflatten(0, (N_BLOCKS, -1)).transpose(1, 2).contiguous()
        self.register_buffer("blocks", blocks)
        self.register_buffer("bias", bias.view(N_BLOCKS, 1, -1))

    def forward(self, x: Tensor) -> Tensor:
        rows = x.flatten(0, -2).expand(N_BLOCKS, -1, -1)
        return torch.baddbmm(self.bias, rows, self.blocks).transpose(0, 1).reshape(*x.shape[:-1], -1)

    def weight(self) -> Tensor:
        """[N, K], as it was before."""
        return self.blocks.transpose(1, 2).flatten(0, 1)


class PlainProjection(nn.Module):
    """[..., K] -> [..., N] as `nn.Linear`, in the weight's precision."""

    weight: Tensor
    bias: Tensor

    def __init__(self, weight: Tensor, bias: Tensor) -> None:
        super().__init__()
        self.register_buffer("weight", weight)
        self.register_buffer("bias", bias)

    def forward(self, x: Tensor) -> Tensor:
        return functional.linear(x.to(self.weight.dtype), self.weight, self.bias)


class HalfProjection(nn.Module):
    """[..., K] -> fp16 [..., N]: weights and products in fp16, as long as there are few rows."""

    weight: Tensor
    bias: Tensor

    def __init__(self, weight: Tensor, bias: Tensor) -> None:
        super().__init__()
        self.register_buffer("weight", weight.half())
        self.register_buffer("bias", bias.half())

    def forward(self, x: Tensor) -> Tensor:
        if x.is_cuda or x.shape[:-1].numel() <= FEW_ROWS:
            return functional.linear(x.half(), self.weight, self.bias)
        return functional.linear(x.float(), self.weight.float(), self.bias.float()).half()


class ByteProjection(nn.Module):
    """[..., K] -> bf16 [..., N]: int8 weights with a scale per output channel, inputs in bf16."""

    levels: Tensor
    scale: Tensor
    bias: Tensor

    def __init__(self, weight: Tensor, bias: Tensor) -> None:
        super().__init__()
        # The scale is rounded before it is divided by, so its rounding is no error of the weights.
        scale = (weight.abs().amax(dim=1) / 127).clamp(min=1e-12).bfloat16()
        levels = (weight / scale[:, None].float()).round().clamp(-127, 127)
        self.register_buffer("levels", levels.to(torch.int8))
        self.register_buffer("scale", scale)
        self.register_buffer("bias", bias.bfloat16())

    def forward(self, x: Tensor) -> Tensor:
        rows = x.flatten(0, -2)
        if len(rows) <= FEW_ROWS:
            out = torch._weight_int8pack_mm(rows.bfloat16(), self.levels, self.scale) + self.bias
        else:
            weight = self.levels.float() * self.scale[:, None].float()
            out = functional.linear(rows.float(), weight, self.bias.float()).bfloat16()
        return out.view(*x.shape[:-1], -1)


class PackedSelfAttention(nn.Module):
    """Stands in for `CachedSelfAttention`."""

    def __init__(self, attention: CachedSelfAttention, weights: Weights) -> None:
        super().__init__()
        self.n_heads = attention.n_heads
        self.in_proj = pack(attention.in_proj_weight, attention.in_proj_bias, weights)
        self.out_proj = pack(attention.out_proj.weight, attention.out_proj.bias, weights)

    def forward(self, x: Tensor, allowed: Tensor | None, cache: KeyValueCache | None, layer: int) -> Tensor:
        return self.out_proj(attend(self.in_proj(x), self.n_heads, allowed, cache, layer))


class PackedDecoder(TextToSemantic):
    """Decodes like the model it is made of and uses up, cannot be trained, has no published state dict."""

    def __init__(self, model: TextToSemantic, weights: Weights) -> None:
        with torch.device("meta"):
            super().__init__(model.config)
        self._weights = weights
        for name, module in model.named_children():
            if name != "h":
                setattr(self, name, module)
        for index, mine in enumerate(self.h.layers):
            theirs = model.h.layers[index]
            assert isinstance(theirs, DecoderLayer)
            packed = {
                "self_attn": PackedSelfAttention(theirs.self_attn, weights),
                "linear1": pack(theirs.linear1.weight, theirs.linear1.bias, weights),
                "linear2": pack(theirs.linear2.weight, theirs.linear2.bias, weights),
                "norm1": theirs.norm1,
                "norm2": theirs.norm2,
            }
            for name, module in packed.items():
                setattr(mine, name, module)
            # Its weights go as soon as they are packed, so that the two forms are never both in memory.
            model.h.layers[index] = nn.Identity()
        self.eval()

    @property
    def cache_dtype(self) -> torch.dtype:
        """Of keys and values, and what attention computes in: narrow ones are slow on CPUs without units."""
        device = self.bert_proj.weight.device
        if device.type != "cpu":
            return torch.float16 if self._weights == "fp16" else torch.float32
        narrow = self._weights == "int8" and computes_in_bf16(device)
        return torch.bfloat16 if narrow else torch.float32


@torch.no_grad()
def prepare_for_decoding(model: TextToSemantic, weights: Weights = "fp32") -> PackedDecoder:
    """A decoder for `generate`, made of `model`, whose layers it takes: `model` is of no use afterwards.

    Published weights come in fp16, so "fp16" rounds products but no weight of theirs. "int8" changes greedy
    codes sooner than "fp16" does and pays on a CPU with several rows.

    Raises:
        UserError: `weights` is not known, or is "int8" off the CPU.
    """
    if weights not in get_args(Weights):
        raise UserError(f"weights = {weights!r} is not known; use one of {', '.join(get_args(Weights))}")
    device = model.bert_proj.weight.device
    if weights == "int8" and device.type != "cpu":
        raise _only_on_cpu(device)
    return PackedDecoder(model, weights)


def moved(decoder: TextToSemantic, device: torch.device) -> TextToSemantic:
    """A decoder on another device, where it came from a CPU; moved, not copied.

    Blocks serve a CPU alone, and become the plain weights that they were cut from.

    Raises:
        UserError: its weights are int8, which a CPU alone multiplies.
    """
    if device.type != "cpu":
        for layer in decoder.h.layers:
            for owner in (layer.get_submodule("self_attn"), layer):
                for name, part in list(owner.named_children()):
                    if isinstance(part, ByteProjection):
                        raise _only_on_cpu(device)
                    if isinstance(part, BlockProjection):
                        setattr(owner, name, PlainProjection(part.weight(), part.bias.flatten()))
    return decoder.to(device)


def _only_on_cpu(device: torch.device) -> UserError:
    return UserError(f"weights = 'int8' on {device.type}: runs on a CPU only; use fp16")


def pack(weight: Tensor, bias: Tensor, weights: Weights) -> nn.Module:
    """The projection of `nn.Linear(weight, bias)` in another layout or precision."""
    weight, bias = weight.detach(), bias.detach()
    if weights == "fp16":
        return HalfProjection(weight, bias)
    if weights == "int8":
        return ByteProjection(weight, bias)
    if weight.is_cuda or weight.shape[0] % N_BLOCKS:
        return PlainProjection(weight, bias)
    return BlockProjection(weight, bias)
