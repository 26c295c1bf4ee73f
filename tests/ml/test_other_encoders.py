"""An encoder of another family: XLM-RoBERTa with SentencePiece pieces, as multilingual ones are."""

import numpy as np
import pytest
import torch  # noqa: TID253
from sentence_transformers import SentenceTransformer  # noqa: TID253
from sentence_transformers.sentence_transformer.modules import (  # noqa: TID253
    Pooling,
    Transformer,
)
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors
from transformers import PreTrainedTokenizerFast, XLMRobertaConfig, XLMRobertaModel

from ml.encoder import load_encoder
from ml.int8_export import export_int8
from tests.ml.factories import learnable_rows, train_in

FRENCH = ["Découvrir l'offre", "Decouvrir l'offre", "Télécharger le guide", "Essayer"]
PIECES = ["<s>", "<pad>", "</s>", "<unk>", "▁", "▁l'offre", "▁le", "▁guide", "▁free", "▁plain"]


def make_tokenizer():
    letters = sorted(set("abcdefghijklmnopqrstuvwxyz0123456789'éèàç"))
    pieces = [(piece, -float(rank)) for rank, piece in enumerate([*PIECES, *letters])]
    tokenizer = Tokenizer(models.Unigram(pieces, unk_id=3))
    tokenizer.normalizer = normalizers.Sequence([normalizers.NFKC(), normalizers.Lowercase()])
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace()
    tokenizer.post_processor = processors.TemplateProcessing(
        single="<s> $A </s>", special_tokens=[("<s>", 0), ("</s>", 2)]
    )
    named = {"bos_token": "<s>", "eos_token": "</s>", "pad_token": "<pad>", "unk_token": "<unk>"}
    return PreTrainedTokenizerFast(tokenizer_object=tokenizer, model_max_length=64, **named)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A multilingual encoder of random weights, in a folder as an operator would put it there."""
    torch.manual_seed(7)
    tokenizer, made = make_tokenizer(), tmp_path_factory.mktemp("xlmr")
    config = XLMRobertaConfig(
        vocab_size=len(tokenizer),
        hidden_size=8,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=16,
        max_position_embeddings=66,
        pad_token_id=1,
    )
    XLMRobertaModel(config, add_pooling_layer=False).save_pretrained(made / "raw")
    tokenizer.save_pretrained(made / "raw")
    body = Transformer(str(made / "raw"), max_seq_length=64)
    model = SentenceTransformer(modules=[body, Pooling(8, "mean")], device="cpu")
    model.save_pretrained(str(made / "model"), create_model_card=False)
    return made / "model"


def test_encoder_of_another_family_keeps_accents(folder):
    vectors = load_encoder(str(folder)).encode(FRENCH)
    assert np.linalg.norm(vectors, axis=1) == pytest.approx(1.0, abs=1e-5)
    assert np.abs(vectors[0] - vectors[1]).max() > 1e-3


def test_predictor_is_trained_on_an_encoder_of_another_family(folder, tmp_path):
    result = train_in(tmp_path / "p1", learnable_rows(30), encoder=load_encoder(str(folder)))
    encoder = result.manifest["configuration"]["encoder"]
    assert (encoder["name"], encoder["dimension"]) == (str(folder), 8)


def test_encoder_of_another_family_has_an_int8_copy(folder, tmp_path):
    encoder = load_encoder(str(folder))
    copy = export_int8(encoder, folder=tmp_path)
    cosine = (copy.encode(FRENCH) * encoder.encode(FRENCH)).sum(axis=1)
    assert cosine == pytest.approx(1.0, abs=0.01)
