"""Features on `compute.device`: moved and batched where it is not the CPU, alone and untouched on a CPU."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch

from configs.compute import ComputeSettings
from configs.content import ContentSettings
from configs.errors import UserError
from configs.family import FamilySettings
from configs.linguistic import LinguisticSettings
from configs.pitch import PitchSettings
from configs.speaker import SpeakerSettings
from configs.speaker_vector import SpeakerVectorSettings
from models.batches import by_length
from models.content.hubert import load_hubert
from models.frontend.audio import encode_flac
from models.linguistic.bert import BertEncoder, load_bert
from tasks.features import content, linguistic
from tasks.features.stages import CONTENT, LINGUISTIC, PITCH, SPEAKER, SPEAKER_VECTOR
from tasks.outcome import Outcome
from tasks.stage import ConfigView, RowStage, function_of, wants_gpu
from tests.models.tiny import speech_encoder_sizes
from tests.second_device import second_device

RATE = 24_000


def settings(device: str = "cpu", **features: Any) -> SimpleNamespace:
    own = {
        "pitch": PitchSettings(),
        "content": ContentSettings(),
        "linguistic": LinguisticSettings(),
        "speaker": SpeakerSettings(),
        "speaker_vector": SpeakerVectorSettings(),
    }
    return SimpleNamespace(
        family=FamilySettings(),
        features=SimpleNamespace(**own | features),
        compute=ComputeSettings(device=device),
    )


def run(stage: RowStage, rows: list[dict[str, Any]], cfg: Any) -> list[Outcome]:
    made: list[Outcome] = function_of(stage)(rows, ConfigView(cfg, (*stage.config, *stage.machine)), {})
    return made


def clips(*seconds: float) -> list[dict[str, Any]]:
    rng = np.random.default_rng(0)
    return [
        {
            "utterance_id": f"u{number}",
            "source_digest": "",
            "speaker": "s",
            "sample_rate": RATE,
            "audio": encode_flac((0.1 * rng.standard_normal(int(length * RATE))).astype(np.float32), RATE),
        }
        for number, length in enumerate(seconds)
    ]


@pytest.fixture(scope="module")
def hubert(tmp_path_factory: pytest.TempPathFactory) -> ContentSettings:
    from transformers import HubertConfig, HubertModel

    torch.manual_seed(0)
    folder = tmp_path_factory.mktemp("hubert")
    HubertModel(HubertConfig(**speech_encoder_sizes())).save_pretrained(folder)
    return ContentSettings(backend="hubert", model=str(folder))


@pytest.fixture(scope="module")
def bert(tmp_path_factory: pytest.TempPathFactory) -> LinguisticSettings:
    from transformers import BertConfig, BertModel, BertTokenizer

    torch.manual_seed(0)
    folder = tmp_path_factory.mktemp("bert")
    characters = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *"你好国家人们说话"]
    (folder / "vocab.txt").write_text("\n".join(characters), encoding="utf-8")
    sizes = {"hidden_size": 16, "num_hidden_layers": 3, "num_attention_heads": 2, "intermediate_size": 32}
    BertModel(BertConfig(vocab_size=len(characters), **sizes)).save_pretrained(folder)
    BertTokenizer(str(folder / "vocab.txt")).save_pretrained(folder)
    return LinguisticSettings(backend="bert", model=str(folder), dim=16)


def features(outcomes: list[Outcome], dim: int) -> list[np.ndarray]:
    return [np.frombuffer(one.rows[0]["features"], np.float16).reshape(-1, dim) for one in outcomes]


def test_hubert_hears_a_batch_as_it_hears_each_clip(
    hubert: ContentSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = clips(0.5, 1.1, 0.001, 0.8)
    dim = speech_encoder_sizes()["hidden_size"]
    here = [run(CONTENT, [row], settings(content=hubert))[0] for row in rows]
    # Loaded outside: transformers itself lays networks out on `meta` before it reads them.
    network = load_hubert(hubert.model, hubert.revision, None, "", torch.device("cpu"))
    monkeypatch.setattr(content, "load_hubert", lambda *arguments: network.to(arguments[-1]))
    with second_device() as device:
        monkeypatch.setattr(content, "chosen_device", lambda *_: device)
        there = run(CONTENT, rows, settings(content=hubert))
    assert [one.rejects[0].code if one.rejects else "" for one in there] == ["", "", "too_short", ""]
    assert [one.rejects for one in there] == [one.rejects for one in here]
    heard = [0, 1, 3]
    for own, alone in zip(
        features([there[at] for at in heard], dim), features([here[at] for at in heard], dim), strict=True
    ):
        np.testing.assert_allclose(own, alone, atol=2e-3)


def test_on_a_cpu_a_clip_does_not_depend_on_what_lies_beside_it(hubert: ContentSettings) -> None:
    rows = clips(0.5, 1.1, 0.8)
    together = run(CONTENT, rows, settings(content=hubert))
    assert together == [run(CONTENT, [row], settings(content=hubert))[0] for row in rows]


def test_bert_reads_a_batch_as_it_reads_each_text(
    bert: LinguisticSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    texts = ["你好", "国家人们说话", "a", "人"]
    rows = [
        {
            "utterance_id": text,
            "source_digest": "",
            "language": "zh",
            "words": [*text],
            "word2ph": [2] * len(text),
        }
        for text in texts
    ]
    here = [run(LINGUISTIC, [row], settings(linguistic=bert))[0] for row in rows]
    # Loaded outside: transformers itself lays networks out on `meta` before it reads them.
    encoder = load_bert(bert.model, bert.revision, None, "", torch.device("cpu"))

    def moved(*arguments: Any) -> BertEncoder:
        return encoder._replace(network=encoder.network.to(arguments[-1]))

    monkeypatch.setattr(linguistic, "load_bert", moved)
    with second_device() as device:
        monkeypatch.setattr(linguistic, "chosen_device", lambda *_: device)
        there = run(LINGUISTIC, rows, settings(linguistic=bert))
    for own, alone in zip(features(there, 16), features(here, 16), strict=True):
        np.testing.assert_allclose(own, alone, atol=2e-3)
    assert not features(there, 16)[2].any()
    assert features(there, 16)[0].any()


def test_crepe_is_told_its_device(monkeypatch: pytest.MonkeyPatch) -> None:
    import torchcrepe

    from models.frontend.f0 import track_pitch

    asked = []
    predict = torchcrepe.predict

    def listened(*arguments: Any, **named: Any) -> Any:
        asked.append(named["device"])
        return predict(*arguments, **named | {"device": "cpu"})

    monkeypatch.setattr(torchcrepe, "predict", listened)
    tone = np.sin(2 * np.pi * 200 * np.arange(RATE) / RATE).astype(np.float32)
    track_pitch(tone, RATE, 240, 100, "crepe-tiny", device="cuda")
    assert asked == ["cuda"]


@pytest.mark.parametrize(
    ("stage", "by_network"),
    [
        (PITCH, {"pitch": PitchSettings(method="crepe-tiny")}),
        (CONTENT, {"content": ContentSettings(backend="hubert")}),
        (LINGUISTIC, {"linguistic": LinguisticSettings(backend="bert")}),
        (SPEAKER, {"speaker": SpeakerSettings(backend="ecapa")}),
        (SPEAKER_VECTOR, {"speaker_vector": SpeakerVectorSettings(backend="eres2netv2")}),
    ],
)
def test_a_stage_wants_a_gpu_only_for_its_network(stage: RowStage, by_network: dict[str, Any]) -> None:
    assert wants_gpu(stage, settings(**by_network))
    assert not wants_gpu(stage, settings())
    assert "compute.device" in stage.machine
    assert not any(name.startswith("compute") for name in stage.config)


@pytest.mark.parametrize(
    ("stage", "features"),
    [
        (PITCH, {"pitch": PitchSettings(method="crepe-tiny")}),
        (CONTENT, {"content": ContentSettings(backend="hubert")}),
        (SPEAKER, {"speaker": SpeakerSettings(backend="ecapa")}),
        (SPEAKER_VECTOR, {"speaker_vector": SpeakerVectorSettings(backend="eres2netv2")}),
    ],
)
def test_a_gpu_that_is_not_there_is_told(
    monkeypatch: pytest.MonkeyPatch, stage: RowStage, features: dict[str, Any]
) -> None:
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 0)
    with pytest.raises(UserError, match=r"compute\.device = cuda: no CUDA device is found; use auto or cpu"):
        run(stage, clips(0.5), settings("cuda", **features))


def test_groups_are_of_like_length_and_fit_their_room() -> None:
    gpu, lengths = torch.device("cuda"), [5, 40, 6, 38, 7, 100]
    groups = by_length(lengths, gpu, 80)
    assert sorted(at for group in groups for at in group) == list(range(6))
    assert groups == [[5], [1, 3], [4, 2, 0]]
    assert by_length(lengths, torch.device("cpu"), 80) == [[at] for at in range(6)]
    assert by_length([], gpu, 80) == []
