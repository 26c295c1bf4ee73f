"""Encoders of other families: XLM-RoBERTa, as multilingual ones are, and MPNet, as larger ones."""

import numpy as np
import pytest
import torch  # noqa: TID253
from sentence_transformers import SentenceTransformer  # noqa: TID253
from sentence_transformers.sentence_transformer.modules import (  # noqa: TID253
    Pooling,
    Transformer,
)
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors
from transformers import (
    MPNetConfig,
    MPNetModel,
    PreTrainedTokenizerFast,
    XLMRobertaConfig,
    XLMRobertaModel,
)

from ml.dataset.contrast_groups import stack_arms
from ml.encoders.int8_export import Branch, export_int8
from ml.encoders.sentence_encoder import load_encoder
from ml.fine_tuning.transformer_layers import (
    lower_states,
    shortened,
    trainable_layers,
    tunable,
    upper_means,
)
from ml.strategies.fine_tuned import FineTuned
from ml.strategies.fine_tuned_int8 import TunedCopy
from tests.ml.factories import groups_of, learnable_rows, train_in

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


SHAPE = {
    "hidden_size": 8,
    "num_attention_heads": 2,
    "intermediate_size": 16,
    "max_position_embeddings": 66,
    "pad_token_id": 1,
}


def make_encoder(network, folder):
    """Put a network of random weights into a folder, as an operator would put an encoder there."""
    tokenizer = make_tokenizer()
    network.save_pretrained(folder / "raw")
    tokenizer.save_pretrained(folder / "raw")
    body = Transformer(str(folder / "raw"), max_seq_length=64)
    model = SentenceTransformer(modules=[body, Pooling(8, "mean")], device="cpu")
    model.save_pretrained(str(folder / "model"), create_model_card=False)
    return folder / "model"


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    torch.manual_seed(7)
    config = XLMRobertaConfig(vocab_size=len(make_tokenizer()), num_hidden_layers=2, **SHAPE)
    network = XLMRobertaModel(config, add_pooling_layer=False)
    return make_encoder(network, tmp_path_factory.mktemp("xlmr"))


@pytest.fixture(scope="module")
def relative(tmp_path_factory):
    """An MPNet: each of its layers is told how far apart words are."""
    torch.manual_seed(7)
    config = MPNetConfig(vocab_size=len(make_tokenizer()), num_hidden_layers=3, **SHAPE)
    network = MPNetModel(config, add_pooling_layer=False)
    torch.nn.init.normal_(network.encoder.relative_attention_bias.weight)
    return load_encoder(str(make_encoder(network, tmp_path_factory.mktemp("mpnet"))))


@pytest.fixture(scope="module")
def arms():
    return stack_arms(groups_of(*learnable_rows(24)))


def test_encoder_of_another_family_keeps_accents(folder):
    vectors = load_encoder(str(folder)).encode(FRENCH)
    assert np.linalg.norm(vectors, axis=1) == pytest.approx(1.0, abs=1e-5)
    assert np.abs(vectors[0] - vectors[1]).max() > 1e-3


def test_predictor_is_trained_on_an_encoder_of_another_family(
    folder, tmp_path, without_fast_copies
):
    result = train_in(tmp_path / "p1", learnable_rows(30), encoder=load_encoder(str(folder)))
    encoder = result.manifest["configuration"]["encoder"]
    assert (encoder["name"], encoder["dimension"]) == (str(folder), 8)


def test_encoder_of_another_family_has_an_int8_copy(folder, tmp_path):
    encoder = load_encoder(str(folder))
    copy = export_int8(encoder, folder=tmp_path)
    cosine = (copy.encode(FRENCH) * encoder.encode(FRENCH)).sum(axis=1)
    assert cosine == pytest.approx(1.0, abs=0.01)


def test_relative_layers_one_by_one_give_what_the_network_gives(relative):
    assert tunable(relative) is relative
    short = shortened(relative.network, 2, n_shared=1)
    states = lower_states(relative, short, FRENCH, n_frozen=1)
    means = upper_means(trainable_layers(short, 1), states.rows).detach().numpy()
    # Embeddings, then three layers, each with an equal share in a vector of length 1.
    expected = relative.layers.encode(FRENCH).reshape(len(FRENCH), 4, 8)[:, 2] * 2
    np.testing.assert_allclose(means, expected, atol=5e-3)


def test_relative_layers_depend_on_the_distance_of_words(relative):
    short = shortened(relative.network, 1, n_shared=0)
    state = torch.randn(1, 5, 8, generator=torch.Generator().manual_seed(1))
    (layer,), see_all = trainable_layers(short, 0), torch.zeros(1, 1, 1, 5)
    turned = layer(state.flip(1), see_all).flip(1)
    assert (layer(state, see_all) - turned).abs().max() > 1e-3


@pytest.mark.parametrize("rank", [0, 2])
def test_relative_layers_are_trained_stored_and_copied(relative, arms, rank, tmp_path):
    before = {name: each.clone() for name, each in relative.network.state_dict().items()}
    strategy = FineTuned(encoder=relative, seeds=(0,), adapter_rank=rank)
    fitted = strategy.fit(arms)
    restored = strategy.restore(fitted.parts())
    np.testing.assert_array_equal(restored.score(FRENCH), fitted.score(FRENCH))
    after = relative.network.state_dict()
    assert all(torch.equal(before[name], after[name]) for name in before)
    branch = Branch(n_frozen=fitted.n_frozen, layers=tuple(fitted.layers))
    copy = export_int8(relative, folder=tmp_path, branch=branch)
    said = TunedCopy(encoder=copy.tuned).restore(fitted.parts()).represent(FRENCH)
    assert (said * fitted.represent(FRENCH)).sum(axis=1) == pytest.approx(1.0, abs=0.02)
