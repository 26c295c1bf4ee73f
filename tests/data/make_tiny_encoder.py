"""Make `tiny_encoder`: a sentence-transformer of a few kilobytes with random weights.

Run `python -m tests.data.make_tiny_encoder` to make it anew. Its vectors carry no meaning; it
lets the tests drive the real loading and encoding code without a download.
"""

import string
from pathlib import Path

import torch  # noqa: TID253 - a script, no web process imports it
from sentence_transformers import SentenceTransformer  # noqa: TID253
from sentence_transformers.sentence_transformer.modules import (  # noqa: TID253
    Normalize,
    Pooling,
    Transformer,
)
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors
from transformers import BertConfig, BertModel, PreTrainedTokenizerFast

FOLDER = Path(__file__).parent / "tiny_encoder"
SPECIAL = {"pad": "[PAD]", "unk": "[UNK]", "cls": "[CLS]", "sep": "[SEP]"}
LETTERS = string.ascii_lowercase + string.digits + "àâçéèêëîïôùûü'!?.,-"


def make_tokenizer() -> PreTrainedTokenizerFast:
    pieces = [*SPECIAL.values(), *LETTERS, *(f"##{letter}" for letter in LETTERS)]
    vocabulary = {piece: number for number, piece in enumerate(pieces)}
    tokenizer = Tokenizer(models.WordPiece(vocabulary, unk_token=SPECIAL["unk"]))
    tokenizer.normalizer = normalizers.Sequence([normalizers.NFC(), normalizers.Lowercase()])
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", special_tokens=[("[CLS]", 2), ("[SEP]", 3)]
    )
    named = {f"{name}_token": token for name, token in SPECIAL.items()}
    return PreTrainedTokenizerFast(tokenizer_object=tokenizer, model_max_length=64, **named)


def main() -> None:
    torch.manual_seed(20261122)
    tokenizer = make_tokenizer()
    config = BertConfig(
        vocab_size=len(tokenizer),
        hidden_size=8,
        num_hidden_layers=1,
        num_attention_heads=2,
        intermediate_size=16,
        max_position_embeddings=64,
    )
    raw = FOLDER / "raw"
    BertModel(config, add_pooling_layer=False).save_pretrained(raw)
    tokenizer.save_pretrained(raw)
    body = Transformer(str(raw), max_seq_length=64)
    model = SentenceTransformer(modules=[body, Pooling(8, "mean"), Normalize()], device="cpu")
    model.save_pretrained(str(FOLDER), create_model_card=False)
    for path in raw.iterdir():
        path.unlink()
    raw.rmdir()


if __name__ == "__main__":
    main()
