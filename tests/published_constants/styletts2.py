"""Numbers of StyleTTS 2, with where they stand in its publication, beside which ours are held.

A preset's own table holds what it changes of the one it is based on, and why where no publication says so.
Sources are files of github.com/yl4579/StyleTTS2.
"""

from __future__ import annotations

from collections.abc import Mapping

from tests.published_constants.published import Published

_CONFIG = "Configs/config.yml"
_LIBRITTS = "Configs/config_libritts.yml"
_FINETUNE = "Configs/config_ft.yml"
_SECOND = "train_second.py"
_LOSS, _RULE = f"{_CONFIG}: loss_params", f"{_CONFIG}: slmadv_params"
_DANISH = "ours: the recipe asked for, 64 clips a step, 600,000 steps, warm-up and cosine from 2e-4 to 1e-5"
_SMALL = "ours: minutes of speech in minutes of one core"
_ABSENT = "ours: the published code has none"

SETTINGS: Mapping[str, Published] = {
    "batch_size": Published(16, f"{_CONFIG}: batch_size"),
    "accumulate": Published(1, f"{_SECOND}: steps after every batch"),
    "ema_decay": Published(0.0, _ABSENT),
    "max_len_frames": Published(400, f"{_CONFIG}: max_len"),
    "losses.lambda_mel": Published(5.0, f"{_LOSS}.lambda_mel"),
    "losses.lambda_stft": Published(0.0, _ABSENT),
    "losses.lambda_gen": Published(1.0, f"{_LOSS}.lambda_gen"),
    "losses.lambda_slm": Published(1.0, f"{_LOSS}.lambda_slm"),
    "losses.lambda_mono": Published(1.0, f"{_LOSS}.lambda_mono"),
    "losses.lambda_s2s": Published(1.0, f"{_LOSS}.lambda_s2s"),
    "losses.lambda_f0": Published(1.0, f"{_LOSS}.lambda_F0"),
    "losses.lambda_norm": Published(1.0, f"{_LOSS}.lambda_norm"),
    "losses.lambda_dur": Published(1.0, f"{_LOSS}.lambda_dur"),
    "losses.lambda_length": Published(0.0, _ABSENT),
    "losses.lambda_ce": Published(20.0, f"{_LOSS}.lambda_ce"),
    "losses.lambda_sty": Published(1.0, f"{_LOSS}.lambda_sty"),
    "losses.lambda_diff": Published(1.0, f"{_LOSS}.lambda_diff"),
    "optimiser.lr": Published(1e-4, f"{_CONFIG}: optimizer_params.lr"),
    "optimiser.schedule": Published("constant", f"{_SECOND}: no scheduler is stepped"),
    "optimiser.final_lr": Published(1e-5, "ours: no use without a schedule"),
    "optimiser.bert_lr": Published(None, "ours: as CONSTANTS says where PL-BERT was pretrained"),
    "optimiser.ft_lr": Published(1e-5, f"{_CONFIG}: optimizer_params.ft_lr"),
    "optimiser.betas": Published((0.85, 0.99), "optimizers.py: 0.99, and what OneCycleLR makes of 0.0"),
    "optimiser.bert_betas": Published((0.9, 0.99), f"{_SECOND}: adjust BERT learning rate"),
    "optimiser.ft_betas": Published((0.0, 0.99), f"{_SECOND}: adjust acoustic module learning rate"),
    "optimiser.epsilon": Published(1e-9, "optimizers.py: eps"),
    "optimiser.weight_decay": Published(1e-4, f"{_SECOND}: adjust acoustic module learning rate"),
    "optimiser.bert_weight_decay": Published(0.01, f"{_SECOND}: adjust BERT learning rate"),
    "optimiser.clip": Published(None, _ABSENT),
    "optimiser.warmup_steps": Published(0, f"{_SECOND}: no scheduler is stepped"),
    "slm.adversary.min_len": Published(400, f"{_RULE}.min_len"),
    "slm.adversary.max_len": Published(500, f"{_RULE}.max_len"),
    "slm.adversary.batch_percentage": Published(0.5, f"{_RULE}.batch_percentage"),
    "slm.adversary.iter": Published(10, f"{_RULE}.iter"),
    "slm.adversary.thresh": Published(5.0, f"{_RULE}.thresh"),
    "slm.adversary.scale": Published(0.01, f"{_RULE}.scale"),
    "slm.adversary.sigma": Published(1.5, f"{_RULE}.sig"),
    "stage1.max_steps": Published(None, _ABSENT),
    "stage1.max_epochs": Published(200, f"{_CONFIG}: epochs_1st"),
    "stage1.tma_epoch": Published(50, f"{_LOSS}.TMA_epoch"),
    "stage1.tma_step": Published(None, _ABSENT),
    "stage2.max_steps": Published(None, _ABSENT),
    "stage2.max_epochs": Published(100, f"{_CONFIG}: epochs_2nd"),
    "stage2.diff_epoch": Published(20, f"{_LOSS}.diff_epoch"),
    "stage2.diff_step": Published(None, _ABSENT),
    "stage2.joint_epoch": Published(50, f"{_LOSS}.joint_epoch"),
    "stage2.joint_step": Published(None, _ABSENT),
    "finetune.max_steps": Published(None, _ABSENT),
    "finetune.max_epochs": Published(50, f"{_FINETUNE}: epochs"),
    "finetune.diff_epoch": Published(10, f"{_FINETUNE}: loss_params.diff_epoch"),
    "finetune.diff_step": Published(None, _ABSENT),
    "finetune.joint_epoch": Published(30, f"{_FINETUNE}: loss_params.joint_epoch"),
    "finetune.joint_step": Published(None, _ABSENT),
}
"""Of `train.styletts2`: the defaults, which are those of the published LJSpeech recipe."""

_LIBRITTS_SETTINGS = {
    "max_len_frames": Published(300, f"{_LIBRITTS}: max_len"),
    "slm.adversary.iter": Published(20, f"{_LIBRITTS}: slmadv_params.iter"),
    "stage1.max_epochs": Published(50, f"{_LIBRITTS}: epochs_1st"),
    "stage1.tma_epoch": Published(5, f"{_LIBRITTS}: loss_params.TMA_epoch"),
    "stage2.max_epochs": Published(30, f"{_LIBRITTS}: epochs_2nd"),
    "stage2.diff_epoch": Published(10, f"{_LIBRITTS}: loss_params.diff_epoch"),
    "stage2.joint_epoch": Published(15, f"{_LIBRITTS}: loss_params.joint_epoch"),
}
PRESETS: Mapping[str, Mapping[str, Published]] = {
    "styletts2-ljspeech": {},
    "styletts2-libritts": _LIBRITTS_SETTINGS,
    "styletts2-finetune": {
        **_LIBRITTS_SETTINGS,
        "batch_size": Published(8, f"{_FINETUNE}: batch_size"),
        "max_len_frames": Published(400, f"{_FINETUNE}: max_len"),
        "slm.adversary.iter": Published(10, f"{_FINETUNE}: slmadv_params.iter"),
        "optimiser.ft_lr": Published(1e-4, f"{_FINETUNE}: optimizer_params.ft_lr"),
    },
    "styletts2-danish-coral": {
        **_LIBRITTS_SETTINGS,
        "batch_size": Published(32, _DANISH),
        "accumulate": Published(2, _DANISH),
        "optimiser.lr": Published(2e-4, _DANISH),
        "optimiser.schedule": Published("cosine", _DANISH),
        "optimiser.warmup_steps": Published(8000, _DANISH),
        "stage1.max_steps": Published(300_000, _DANISH),
        "stage1.max_epochs": Published(None, _DANISH),
        "stage1.tma_step": Published(50_000, _DANISH),
        "stage2.max_steps": Published(300_000, _DANISH),
        "stage2.max_epochs": Published(None, _DANISH),
        "stage2.diff_step": Published(60_000, _DANISH),
        "stage2.joint_step": Published(150_000, _DANISH),
    },
    "styletts2-tiny": {
        "batch_size": Published(2, _SMALL),
        "max_len_frames": Published(120, _SMALL),
        "losses.lambda_length": Published(1.0, _SMALL),
        "optimiser.lr": Published(1e-3, _SMALL),
        "optimiser.schedule": Published("cosine", _SMALL),
        "optimiser.final_lr": Published(1e-4, _SMALL),
        "optimiser.bert_lr": Published(3e-4, _SMALL),
        "optimiser.ft_lr": Published(3e-4, _SMALL),
        "optimiser.clip": Published(10.0, _SMALL),
        "stage1.max_steps": Published(1500, _SMALL),
        "stage1.max_epochs": Published(None, _SMALL),
        "stage1.tma_step": Published(1200, _SMALL),
        "stage2.max_steps": Published(1050, _SMALL),
        "stage2.max_epochs": Published(None, _SMALL),
        "stage2.diff_step": Published(600, _SMALL),
        "stage2.joint_step": Published(900, _SMALL),
    },
}
"""What each preset changes of them."""

_DIFFUSION = f"{_CONFIG}: model_params.diffusion"
CONSTANTS: Mapping[str, Published] = {
    "models.losses.relativistic:TAU": Published(0.04, "losses.py: tau"),
    "models.losses.spectral:N_MELS": Published(128, "losses.py: torchaudio's default"),
    "models.losses.spectral:RESOLUTIONS": Published(
        ((1024, 120, 600), (2048, 240, 1200), (512, 50, 240)), "losses.py: MultiResolutionSTFTLoss"
    ),
    "models.styletts2.joint_step:_LEVELS": Published((3, 5), f"{_SECOND}: num_steps"),
    "models.styletts2.sampling:RHO": Published(9.0, f"{_SECOND}: KarrasSchedule"),
    "models.styletts2.sampling:SIGMA_MAX": Published(3.0, f"{_SECOND}: KarrasSchedule"),
    "models.styletts2.sampling:SIGMA_MIN": Published(1e-4, f"{_SECOND}: KarrasSchedule"),
    "models.styletts2.slm_adversary:SCALED_DOWN": Published(
        ("predictor.duration_proj", "predictor.lstm", "diffusion"), f"{_SECOND}: slmadv_params.scale"
    ),
    "tasks.finetune.styletts2.other_texts:SHORTEST_TEXT": Published(50, f"{_CONFIG}: data_params.min_length"),
    "tasks.release.styletts2.voice:SILENCE_BELOW_DB": Published(
        30.0, "Demo/Inference_LibriTTS.ipynb: compute_style, top_db"
    ),
    "tasks.finetune.styletts2.optimisers:PRETRAINED_BERT_LR": Published(
        1e-5, f"{_CONFIG}: optimizer_params.bert_lr"
    ),
}
"""Of modules, as `MODULE:NAME`."""

SIZES: Mapping[str, Published] = {
    "dropout": Published(0.2, f"{_CONFIG}: model_params.dropout"),
    "max_dur": Published(50, f"{_CONFIG}: model_params.max_dur"),
    "style_dim": Published(128, f"{_CONFIG}: model_params.style_dim"),
    "n_symbols": Published(178, f"{_CONFIG}: model_params.n_token"),
    "diffusion_layers": Published(3, f"{_DIFFUSION}.transformer.num_layers"),
    "diffusion_heads": Published(8, f"{_DIFFUSION}.transformer.num_heads"),
    "diffusion_head_features": Published(64, f"{_DIFFUSION}.transformer.head_features"),
    "diffusion_multiplier": Published(2, f"{_DIFFUSION}.transformer.multiplier"),
    "diffusion_mask_probability": Published(0.1, f"{_DIFFUSION}.embedding_mask_proba"),
    "diffusion_sigma_data": Published(0.2, f"{_DIFFUSION}.dist.sigma_data, until it is estimated"),
    "diffusion_log_mean": Published(-3.0, f"{_DIFFUSION}.dist.mean"),
    "diffusion_log_std": Published(1.0, f"{_DIFFUSION}.dist.std"),
}
"""Of both published models, those that no weights' form tells among them."""

_HIFIGAN = f"{_LIBRITTS}: model_params.decoder"
OWN_SIZES: Mapping[str, Mapping[str, Published]] = {
    "ljspeech": {
        "decoder": Published("istftnet", f"{_CONFIG}: model_params.decoder.type"),
        "multispeaker": Published(False, f"{_CONFIG}: model_params.multispeaker"),
        "upsample_rates": Published((10, 6), f"{_CONFIG}: model_params.decoder"),
        "upsample_kernels": Published((20, 12), f"{_CONFIG}: model_params.decoder"),
        "frame_delay": Published(0, "Demo/Inference_LJSpeech.ipynb: text is read in its own frame"),
        "trailing_frames": Published(5, "Demo/Inference_LJSpeech.ipynb: pred_dur[-1] += 5"),
    },
    "libritts": {
        "decoder": Published("hifigan", f"{_HIFIGAN}.type"),
        "multispeaker": Published(True, f"{_LIBRITTS}: model_params.multispeaker"),
        "upsample_rates": Published((10, 5, 3, 2), f"{_HIFIGAN}.upsample_rates"),
        "upsample_kernels": Published((20, 10, 6, 4), f"{_HIFIGAN}.upsample_kernel_sizes"),
        "frame_delay": Published(1, "Demo/Inference_LibriTTS.ipynb: asr_new[:, :, 1:] = asr[:, :, 0:-1]"),
        "trailing_frames": Published(0, "Demo/Inference_LibriTTS.ipynb: pred_dur as it is"),
    },
}
"""Of each of the two, where they differ."""
