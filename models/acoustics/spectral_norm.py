"""Convolution with spectral normalisation (Miyato et al. 2018) under the old PyTorch names.

Published checkpoints hold `weight_orig`, `weight_u` and `weight_v`, which the successor of
`torch.nn.utils.spectral_norm` names otherwise. In training every forward pass takes one step of the power
iteration and so changes the two buffers, also where the weight itself is frozen; evaluation leaves them.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional

_EPSILON = 1e-12


class SpectralConv2d(nn.Conv2d):
    """[B, C_in, H, W] -> [B, C_out, H', W'] by the weight over its largest singular value."""

    weight_orig: Tensor
    weight_u: Tensor
    weight_v: Tensor

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel: int,
        stride: int = 1,
        padding: int = 0,
        groups: int = 1,
        bias: bool = True,
    ) -> None:
        super().__init__(in_channels, out_channels, kernel, stride, padding, groups=groups, bias=bias)
        plain = self._parameters.pop("weight")
        assert plain is not None
        self.weight_orig = nn.Parameter(plain.detach())
        n_inputs = plain[0].numel()
        self.register_buffer("weight_u", functional.normalize(torch.randn(out_channels), dim=0, eps=_EPSILON))
        self.register_buffer("weight_v", functional.normalize(torch.randn(n_inputs), dim=0, eps=_EPSILON))

    def effective_weight(self) -> Tensor:
        """`weight_orig` over u . (weight_orig v); gradients pass through both, not through u and v."""
        matrix = self.weight_orig.flatten(1)
        u, v = self.weight_u, self.weight_v
        if self.training:
            with torch.no_grad():
                v = functional.normalize(matrix.T @ u, dim=0, eps=_EPSILON)
                u = functional.normalize(matrix @ v, dim=0, eps=_EPSILON)
                self.weight_u.copy_(u)
                self.weight_v.copy_(v)
        return self.weight_orig / torch.dot(u, matrix @ v)

    def forward(self, x: Tensor) -> Tensor:
        # A half-precision power iteration would settle on other vectors.
        with torch.autocast(x.device.type, enabled=False):
            weight = self.effective_weight()
        return self._conv_forward(x, weight, self.bias)
