"""Numbers of Kokoro-82M, with where they stand in its publication, beside which ours are held.

No training code of it is public: what trains it is StyleTTS 2's, or ours. `config.json` is that of the
release, huggingface.co/hexgrad/Kokoro-82M, of which tests/goldens/styletts2/kokoro_config.json is a copy;
other sources are files of github.com/hexgrad/kokoro at dfb907a.
"""

from __future__ import annotations

from collections.abc import Mapping

from tests.published_constants.published import Published

_CONFIG = "config.json"
_STYLETTS2 = "StyleTTS 2, Configs/config.yml"
_SINES = "kokoro/istftnet.py: SineGen"

SIZES: Mapping[str, Published] = {
    "n_symbols": Published(178, f"{_CONFIG}: n_token"),
    "hidden": Published(512, f"{_CONFIG}: hidden_dim"),
    "style_dim": Published(128, f"{_CONFIG}: style_dim"),
    "n_layers": Published(3, f"{_CONFIG}: n_layer"),
    "text_kernel": Published(5, f"{_CONFIG}: text_encoder_kernel_size"),
    "max_dur": Published(50, f"{_CONFIG}: max_dur"),
    "n_mels": Published(80, f"{_CONFIG}: n_mels"),
    "dropout": Published(0.2, f"{_CONFIG}: dropout"),
    "bert.embedding": Published(128, "kokoro/modules.py: AlbertConfig's own"),
    "bert.hidden": Published(768, f"{_CONFIG}: plbert.hidden_size"),
    "bert.heads": Published(12, f"{_CONFIG}: plbert.num_attention_heads"),
    "bert.intermediate": Published(2048, f"{_CONFIG}: plbert.intermediate_size"),
    "bert.layers": Published(12, f"{_CONFIG}: plbert.num_hidden_layers"),
    "bert.positions": Published(512, f"{_CONFIG}: plbert.max_position_embeddings"),
    "decoder.kind": Published("istftnet", f"{_CONFIG}: istftnet"),
    "decoder.sample_rate": Published(24_000, "kokoro/istftnet.py: Generator, sampling_rate"),
    "decoder.hop_samples": Published(300, f"{_CONFIG}: istftnet, 10 * 6 * 5"),
    "decoder.hidden": Published(1024, "kokoro/istftnet.py: Decoder"),
    "decoder.text_channels": Published(64, "kokoro/istftnet.py: Decoder, asr_res"),
    "decoder.upsample_rates": Published((10, 6), f"{_CONFIG}: istftnet.upsample_rates"),
    "decoder.upsample_kernels": Published((20, 12), f"{_CONFIG}: istftnet.upsample_kernel_sizes"),
    "decoder.upsample_initial": Published(512, f"{_CONFIG}: istftnet.upsample_initial_channel"),
    "decoder.resblock_kernels": Published((3, 7, 11), f"{_CONFIG}: istftnet.resblock_kernel_sizes"),
    "decoder.resblock_dilations": Published((1, 3, 5), f"{_CONFIG}: istftnet.resblock_dilation_sizes"),
    "decoder.istft_n_fft": Published(20, f"{_CONFIG}: istftnet.gen_istft_n_fft"),
    "decoder.istft_hop": Published(5, f"{_CONFIG}: istftnet.gen_istft_hop_size"),
    "frame_samples": Published(600, "kokoro/model.py: durations count frames of two hops"),
    "voice_rows": Published(510, "voices/*.pt: [510, 1, 256]"),
    "voice_width": Published(256, "voices/*.pt: [510, 1, 256]"),
}
"""Of the published model, whose weights every preset but the small one reads."""

FAMILY: Mapping[str, Published] = {
    "sample_rate": Published(24_000, "kokoro/istftnet.py: Generator, sampling_rate"),
    "hop_samples": Published(300, f"{_STYLETTS2}: preprocess_params.spect_params.hop_length"),
    "n_fft": Published(2048, f"{_STYLETTS2}: preprocess_params.spect_params.n_fft"),
    "n_mels": Published(80, f"{_CONFIG}: n_mels"),
    "edge_silence_samples": Published(5000, "StyleTTS 2, meldataset.py: FilePathDataset"),
}
"""Of `family`, in every preset."""

SETTINGS: Mapping[str, Published] = {
    "losses.lambda_stft": Published(5.0, f"{_STYLETTS2}: loss_params.lambda_mel"),
    "losses.lambda_f0": Published(1.0, f"{_STYLETTS2}: loss_params.lambda_F0"),
    "losses.lambda_norm": Published(1.0, f"{_STYLETTS2}: loss_params.lambda_norm"),
    "losses.lambda_dur": Published(1.0, f"{_STYLETTS2}: loss_params.lambda_dur"),
    "losses.lambda_ce": Published(20.0, f"{_STYLETTS2}: loss_params.lambda_ce"),
    "losses.lambda_gen": Published(1.0, f"{_STYLETTS2}: loss_params.lambda_gen"),
    "losses.lambda_slm": Published(1.0, f"{_STYLETTS2}: loss_params.lambda_slm"),
    "optimiser.judge_lr": Published(1e-4, f"{_STYLETTS2}: optimizer_params.lr"),
    "optimiser.betas": Published((0.85, 0.99), "StyleTTS 2, optimizers.py: 0.99, and OneCycleLR's 0.85"),
    "optimiser.epsilon": Published(1e-9, "StyleTTS 2, optimizers.py: eps"),
    "optimiser.weight_decay": Published(1e-4, "StyleTTS 2, train_second.py: acoustic modules"),
}
"""Of `train.kokoro`: what is taken over from StyleTTS 2, in every preset."""

CONSTANTS: Mapping[str, Published] = {
    "models.kokoro.config:EDGE_TOKENS": Published(2, "kokoro/model.py: [0, *input_ids, 0]"),
    "models.kokoro.upstream:CHILDREN": Published(
        ("bert", "bert_encoder", "predictor", "decoder", "text_encoder"), "kokoro-v1_0.pth"
    ),
    "models.acoustics.source:_SINE_AMPLITUDE": Published(0.1, f"{_SINES}, sine_amp"),
    "models.acoustics.source:_VOICED_NOISE": Published(0.003, f"{_SINES}, noise_std"),
    "models.acoustics.source:VOICED_ABOVE_HZ": Published(10.0, "kokoro/istftnet.py: voiced_threshod=10"),
    "models.acoustics.adain:SLOPE": Published(0.2, "kokoro/istftnet.py: AdainResBlk1d, LeakyReLU(0.2)"),
    "models.acoustics.generators:_SLOPE": Published(0.1, "kokoro/istftnet.py: Generator, leaky_relu 0.1"),
    "models.acoustics.text_encoder:_SLOPE": Published(0.2, "kokoro/modules.py: TextEncoder, LeakyReLU(0.2)"),
    "models.acoustics.prosody:_DURATION_DROPOUT": Published(0.5, "kokoro/modules.py: ProsodyPredictor"),
}
"""Of modules, as `MODULE:NAME`."""
