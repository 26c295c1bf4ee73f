"""Where networks compute: a graphics card when there is one, else the processor."""

from contextlib import AbstractContextManager, nullcontext

import torch


def best_device() -> torch.device:
    """Return the graphics card, if torch sees one; else the processor.

    >>> best_device().type in ("cuda", "cpu")
    True
    """
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


def fast_arithmetic(device: torch.device) -> AbstractContextManager[object]:
    """Return a context in which matrices are multiplied in bfloat16 where that is faster.

    Args:
        device: Where they are.
    """
    if not has_fast_bfloat16(device.type):
        return nullcontext()
    return torch.autocast(device.type, dtype=torch.bfloat16)


def has_fast_bfloat16(kind: str) -> bool:
    """Return whether bfloat16 is multiplied faster than float32.

    Args:
        kind: Of the device, such as `cuda` or `cpu`. Of graphics cards those from Ampere on can,
            of processors those with AVX512-BF16.

    >>> has_fast_bfloat16("meta")
    False
    """
    if kind == "cuda":
        return bool(torch.cuda.is_bf16_supported(including_emulation=False))
    return kind == "cpu" and bool(torch.cpu._is_avx512_bf16_supported())
