"""Numbers of GPT-SoVITS that take effect in its published code, and where they stand.

Sources are paths in github.com/RVC-Boss/GPT-SoVITS, commit 48b1a01, below GPT_SoVITS/.
"""

from __future__ import annotations

from tests.published_constants.published import Published

_T2S = "AR/models/t2s_lightning_module.py: configure_optimizers"
_RATES = "AR/modules/lr_schedulers.py: every step sets 0.002, whatever the yaml says"

SETTINGS = {
    "features.linguistic.layer": Published(-3, "prepare_datasets/1-get-text.py: hidden_states[-3:-2]"),
    "features.content.layer": Published(-1, "feature_extractor/cnhubert.py: last_hidden_state"),
    "features.content.normalize": Published(False, "TTS_infer_pack/TTS.py: the wave as it is read"),
    "train.t2s.optimizer": Published(
        "scaled_adam", "AR/models/t2s_lightning_module.py: configure_optimizers"
    ),
    "train.t2s.betas": Published((0.9, 0.95), _T2S),
    "train.t2s.clipping_scale": Published(2.0, _T2S),
    "train.t2s.warmup_steps": Published(0, _RATES),
    "train.t2s.accumulate": Published(4, "AR/models/t2s_lightning_module.py: training_step"),
    "train.t2s.weight_preference": Published(0.0, "webui.py: if_dpo is off"),
    "train.t2s.max_clip_s": Published(54.0, "configs/s1longer-v2.yaml: data.max_sec"),
    "train.t2s.max_phones": Published(540, "AR/data/dataset.py: max_sec * 25 / 2.5"),
    "train.t2s.min_phones_per_s": Published(3.0, "AR/data/dataset.py: min_ps_ratio"),
    "train.t2s.max_phones_per_s": Published(25.0, "AR/data/dataset.py: max_ps_ratio"),
    "train.sovits.learning_rate": Published(1e-4, "configs/s2.json"),
    "train.sovits.betas": Published((0.8, 0.99), "configs/s2.json"),
    "train.sovits.epsilon": Published(1e-9, "configs/s2.json"),
    "train.sovits.weight_decay": Published(0.01, "torch.optim.AdamW's own, s2_train.py gives none"),
    "train.sovits.learning_rate_decay": Published(0.999875, "configs/s2.json"),
    "train.sovits.text_learning_rate_factor": Published(0.4, "configs/s2.json: text_low_lr_rate"),
    "train.sovits.warmup_steps": Published(0, "configs/s2.json: warmup_epochs"),
    "train.sovits.weight_mel": Published(45.0, "configs/s2.json: c_mel"),
    "train.sovits.weight_kl": Published(1.0, "configs/s2.json: c_kl"),
    "train.sovits.weight_kl_ssl": Published(1.0, "s2_train.py: loss_gen_all"),
    "train.sovits.weight_adversarial": Published(1.0, "s2_train.py: loss_gen_all"),
    "train.sovits.weight_feature_matching": Published(1.0, "s2_train.py: loss_gen_all"),
    "train.sovits.clip_generator": Published(None, "s2_train.py: clip_grad_value_(..., None)"),
    "train.sovits.clip_discriminator": Published(None, "s2_train.py: clip_grad_value_(..., None)"),
    "train.sovits.freeze_quantizer": Published(True, "module/models.py: freeze_quantizer"),
    "release.synthesize.top_k": Published(15, "configs/s1longer-v2.yaml: inference.top_k"),
    "release.synthesize.top_p": Published(1.0, "inference_webui.py: the slider's value"),
    "release.synthesize.temperature": Published(1.0, "inference_webui.py: the slider's value"),
    "release.synthesize.repetition_penalty": Published(1.35, "AR/models/t2s_model.py: infer_panel"),
    "release.synthesize.prompt_with_reference": Published(True, "inference_webui.py: get_tts_wav"),
    "release.synthesize.noise_scale": Published(0.5, "module/models.py: SynthesizerTrn.decode"),
    "release.synthesize.pause_s": Published(0.3, "inference_webui.py: pause_second"),
    "release.synthesize.speed": Published(1.0, "module/models.py: SynthesizerTrn.decode"),
}
"""Defaults, which the presets of published weights leave alone."""

CONSTANTS = {
    "models.frontend.level:PEAK": Published(0.95, "prepare_datasets/2-get-hubert-wav32k.py: maxx"),
    "models.frontend.level:SHARE": Published(0.5, "prepare_datasets/2-get-hubert-wav32k.py: alpha"),
    "models.t2s.generation:STEPS_WITHOUT_END": Published(11, "AR/models/t2s_model.py: idx < 11"),
    "models.t2s.preference:BETA": Published(0.2, "AR/models/t2s_model.py: dpo_loss(..., 0.2)"),
    "models.sovits.step:LOW_RATE_PARTS": Published(
        ("enc_p.text_embedding", "enc_p.encoder_text", "enc_p.mrte"), "s2_train.py: te_p, et_p, mrte_p"
    ),
    "models.t2s.config:CODES_PER_S": Published(25, "AR/data/dataset.py: hz"),
    "tasks.finetune.gpt_sovits.planner:FEWEST_CLIPS": Published(100, "AR/data/dataset.py: min_num"),
    "tasks.release.gpt_sovits.prompt:SILENT_SAMPLES": Published(
        9_600, "inference_webui.py: int(32000 * 0.3) zeros after wav16k"
    ),
    "tasks.release.gpt_sovits.marks:FEWEST_PHONES": Published(6, "inference_webui.py: len(phones) < 6"),
}
"""`module:name` of constants that no setting changes."""
