"""Choice of device and arithmetic: a graphics card if there is one, otherwise the processor."""

from contextlib import AbstractContextManager, nullcontext

import torch


def best_device() -> torch.device:
    """Return the graphics card if torch finds one, otherwise the processor.

    >>> best_device().type in ("cuda", "cpu")
    True
    """
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


def fast_arithmetic(device: torch.device) -> AbstractContextManager[object]:
    """Return a context that multiplies matrices in bfloat16 if that is faster.

    Args:
        device: Device of the matrices.
    """
    if not has_fast_bfloat16(device.type):
        return nullcontext()
    return torch.autocast(device.type, dtype=torch.bfloat16)


def has_fast_bfloat16(kind: str) -> bool:
    """Return True if bfloat16 is multiplied faster than float32.

    Args:
        kind: Type of the device, such as `cuda` or `cpu`. Graphics cards from Ampere on and
            processors with AVX512-BF16 have fast bfloat16.

    >>> has_fast_bfloat16("meta")
    False
    """
    if kind == "cuda":
        return bool(torch.cuda.is_bf16_supported(including_emulation=False))
    return kind == "cpu" and bool(torch.cpu._is_avx512_bf16_supported())
